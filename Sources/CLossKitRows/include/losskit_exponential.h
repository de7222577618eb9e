/* The exponential function of the loops over logits, exposed so that its error can be measured. */
#ifndef LOSSKIT_EXPONENTIAL_H
#define LOSSKIT_EXPONENTIAL_H
#include <stddef.h>
#include <stdint.h>

/* results[i] = exp(arguments[i]) for arguments of at most 88, within 1.5 ulp; 0 below -88.37. level: as in
 * losskit_logprob. */
void losskit_exponentials(const float *arguments, size_t count, float *results, int32_t level);

#endif
