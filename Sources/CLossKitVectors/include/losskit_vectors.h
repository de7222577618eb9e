/* What the loops over vectors of floats share: which instructions there are, and conversions to and from bfloat16.
 * The vectors themselves are in the templates beside, which each set of loops includes once for each level. */
#ifndef LOSSKIT_VECTORS_H
#define LOSSKIT_VECTORS_H
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define LOSSKIT_HAS_AVX_LEVELS 1
#else
#define LOSSKIT_HAS_AVX_LEVELS 0
#endif

/* 1 baseline, 2 AVX2, 3 AVX-512. The best that this processor has where `level` is 0 or one that it lacks. */
int32_t losskit_vector_level(int32_t level);

/* A bfloat16 is the upper half of a float. Rounds to nearest, ties to even; what has no finite bfloat16 becomes an
 * infinity, NaN stays NaN. */
void losskit_round_to_bfloat16(const float *values, size_t count, uint16_t *rounded);
void losskit_expand_bfloat16(const uint16_t *rounded, size_t count, float *values);

#endif
