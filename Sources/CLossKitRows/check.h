/* Validation of a call before anything is computed. Each function returns 0, or writes the error. */
#ifndef LOSSKIT_CHECK_H
#define LOSSKIT_CHECK_H
#include "losskit_logprob.h"

int32_t losskit_check_forward(const losskit_logprob *call, losskit_logprob_error *error);
int32_t losskit_check_backward(const losskit_logprob *call, const losskit_logprob_cotangent *cotangent,
                               const void *gradient, size_t gradient_row_stride, losskit_logprob_error *error);
/* Checks that the inputs of the gradient are finite, and that the gradient fits its type. */
int32_t losskit_check_cotangent(const losskit_logprob *call, const losskit_logprob_cotangent *cotangent,
                                losskit_logprob_error *error);

/* Writes "logits: …", or "logits, row R: …" if row is not SIZE_MAX; returns 1. */
int32_t losskit_logprob_fail(losskit_logprob_error *error, size_t row, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
