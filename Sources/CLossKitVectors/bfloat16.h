/* The conversions for each set of instructions a processor may have. */
#ifndef LOSSKIT_BFLOAT16_LEVEL_H
#define LOSSKIT_BFLOAT16_LEVEL_H
#include "losskit_vectors.h"

typedef struct losskit_bfloat16_level {
  void (*round)(const float *values, size_t count, uint16_t *rounded);
  void (*expand)(const uint16_t *rounded, size_t count, float *values);
} losskit_bfloat16_level;

extern const losskit_bfloat16_level losskit_bfloat16_baseline;
#if LOSSKIT_HAS_AVX_LEVELS
extern const losskit_bfloat16_level losskit_bfloat16_avx2;
extern const losskit_bfloat16_level losskit_bfloat16_avx512;
#endif

#endif
