#include "level.h"
#include "losskit_exponential.h"

const losskit_logit_level *losskit_logit_level_for(int32_t level) {
#if LOSSKIT_HAS_AVX_LEVELS
  int32_t best = 1;
  /* The compiler's runtime asks the processor once, when the image is loaded; these are tests of a word in memory. */
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) best = 2;
  if (best == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    best = 3;
  if (level <= 0 || level > best) level = best;
  if (level == 3) return &losskit_logit_level_avx512;
  if (level == 2) return &losskit_logit_level_avx2;
#endif
  return &losskit_logit_level_baseline;
}

void losskit_exponentials(const float *arguments, size_t count, float *results, int32_t level) {
  losskit_logit_level_for(level)->exponentials(arguments, count, results);
}
