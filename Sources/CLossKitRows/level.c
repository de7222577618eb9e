#include "level.h"

#include "losskit_bfloat16.h"
#include "losskit_exponential.h"

const losskit_row_level *losskit_row_level_for(int32_t level) {
  static const losskit_row_level *const levels[] = {LOSSKIT_EACH_LEVEL(&losskit_row_level)};
  return levels[losskit_available_level(level) - 1];
}

const losskit_transformer_kernels *losskit_transformer_kernels_for(int32_t level) {
  return &losskit_row_level_for(level)->transformer;
}

void losskit_exponentials(const float *arguments, size_t count, float *results, int32_t level) {
  losskit_row_level_for(level)->exponentials(arguments, count, results);
}

void losskit_round_to_bfloat16(const float *values, size_t count, uint16_t *rounded) {
  losskit_row_level_for(LOSSKIT_LEVEL_AUTOMATIC)->round_to_bfloat16(values, count, rounded);
}

void losskit_expand_half(const uint16_t *halves, size_t count, float *values) {
  losskit_row_level_for(LOSSKIT_LEVEL_AUTOMATIC)->expand_half(halves, count, values);
}

void losskit_expand_bfloat16(const uint16_t *rounded, size_t count, float *values) {
  losskit_row_level_for(LOSSKIT_LEVEL_AUTOMATIC)->expand_bfloat16(rounded, count, values);
}
