/* Conversions to and from bfloat16, the upper half of a float, and from IEEE's half, with the widest instructions of the
 * processor. */
#ifndef LOSSKIT_BFLOAT16_H
#define LOSSKIT_BFLOAT16_H
#include <stddef.h>
#include <stdint.h>

/* Rounds to nearest, ties to even. Finite values out of range become infinity; NaN stays NaN. */
void losskit_round_to_bfloat16(const float *values, size_t count, uint16_t *rounded);
void losskit_expand_bfloat16(const uint16_t *rounded, size_t count, float *values);
void losskit_expand_half(const uint16_t *halves, size_t count, float *values);

#endif
