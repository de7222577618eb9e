#include "losskit_levels.h"

int32_t losskit_kernel_level(void) {
#if LOSSKIT_HAS_AVX_LEVELS
  /* The compiler's runtime queries the processor once, at load; these calls only test a word in memory. */
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c"))
    return LOSSKIT_LEVEL_BASELINE;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
    return LOSSKIT_LEVEL_AVX2;
  return LOSSKIT_LEVEL_AVX512;
#else
  return LOSSKIT_LEVEL_BASELINE;
#endif
}

int32_t losskit_available_level(int32_t level) {
  const int32_t best = losskit_kernel_level();
  return level <= LOSSKIT_LEVEL_AUTOMATIC || level > best ? best : level;
}
