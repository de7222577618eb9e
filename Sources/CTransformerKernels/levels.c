#include "levels.h"

static int32_t best_level(void) {
#if LOSSKIT_HAS_AVX_LEVELS
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 1;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
    return 2;
  return 3;
#else
  return 1;
#endif
}

const losskit_transformer_kernels *losskit_transformer_kernels_for(int32_t level) {
  const int32_t best = best_level();
  if (level <= 0 || level > best) level = best;
#if LOSSKIT_HAS_AVX_LEVELS
  if (level == 3) return &losskit_transformer_avx512;
  if (level == 2) return &losskit_transformer_avx2;
#endif
  return &losskit_transformer_baseline;
}
