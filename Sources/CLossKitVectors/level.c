#include "bfloat16.h"

int32_t losskit_vector_level(int32_t level) {
  int32_t best = 1;
#if LOSSKIT_HAS_AVX_LEVELS
  /* The compiler's run-time support looks at the processor once; these are tests of a word in memory. */
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) best = 2;
  if (best == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    best = 3;
#endif
  return level <= 0 || level > best ? best : level;
}

static const losskit_bfloat16_level *conversions(void) {
#if LOSSKIT_HAS_AVX_LEVELS
  const int32_t level = losskit_vector_level(0);
  if (level == 3) return &losskit_bfloat16_avx512;
  if (level == 2) return &losskit_bfloat16_avx2;
#endif
  return &losskit_bfloat16_baseline;
}

void losskit_round_to_bfloat16(const float *values, size_t count, uint16_t *rounded) {
  conversions()->round(values, count, rounded);
}

void losskit_expand_bfloat16(const uint16_t *rounded, size_t count, float *values) {
  conversions()->expand(rounded, count, values);
}
