#include "levels.h"

const losskit_transformer_kernels *losskit_transformer_kernels_for(int32_t level) {
#if LOSSKIT_HAS_AVX_LEVELS
  level = losskit_vector_level(level);
  if (level == 3) return &losskit_transformer_avx512;
  if (level == 2) return &losskit_transformer_avx2;
#endif
  return &losskit_transformer_baseline;
}
