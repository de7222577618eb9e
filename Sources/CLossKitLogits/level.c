#include "level.h"
#include "losskit_exponential.h"

const losskit_logit_level *losskit_logit_level_for(int32_t level) {
#if LOSSKIT_HAS_AVX_LEVELS
  level = losskit_vector_level(level);
  if (level == 3) return &losskit_logit_level_avx512;
  if (level == 2) return &losskit_logit_level_avx2;
#endif
  return &losskit_logit_level_baseline;
}

void losskit_exponentials(const float *arguments, size_t count, float *results, int32_t level) {
  losskit_logit_level_for(level)->exponentials(arguments, count, results);
}
