/* The loops over a row's logits, one set for each set of instructions a processor may have. */
#ifndef LOSSKIT_LOGIT_LEVEL_H
#define LOSSKIT_LOGIT_LEVEL_H
#include "losskit_logprob.h"
#include "losskit_vectors.h"

/* Sums over a row's distribution, relative to a large logit. All are NaN or of no use where `sum` is NaN, for a logit
 * that is NaN or +inf, or 0, for a row of -inf; likewise with the reference's. */
typedef struct losskit_row_sums {
  double maximum;   /* one of the row's logits x, the largest or one at most 16 below it */
  double sum;       /* Σ e, e = exp(x - maximum) */
  double first;     /* Σ e · (x - maximum) */
  double second;    /* Σ e² */
  double reference_maximum;
  double reference_sum;
  double weights;    /* the same sum, as the next one is made */
  double difference; /* Σ exp(y') · (y' - x'), the reference's logits and the row's less their maxima */
} losskit_row_sums;

/* The gradient of a row: π · (constant + linear · π + logarithmic · log π) - reference · π_reference. */
typedef struct losskit_row_slopes {
  double log_sum_exp, reference_log_sum_exp;
  double constant, linear, logarithmic, reference;
} losskit_row_slopes;

typedef struct losskit_logit_level {
  /* Sums over a row of `count` logits: the first two, or if `all` the first four, or all with a reference, a row that may
   * be of another type. */
  losskit_row_sums (*sums)(const void *row, int32_t type, const void *reference, int32_t reference_type,
                           size_t count, int all);
  /* Writes the gradient of a row, in its type; `gradient` is the row itself or does not overlap it. */
  void (*gradient)(const void *row, int32_t type, const void *reference, int32_t reference_type, size_t count,
                   const losskit_row_slopes *slopes, void *gradient);
  /* results[i] = exp(arguments[i]) as the loops above compute it, for arguments of at most 88. */
  void (*exponentials)(const float *arguments, size_t count, float *results);
  double (*get)(const void *row, int32_t type, size_t index);
  /* Rounds to nearest. */
  void (*set)(void *row, int32_t type, size_t index, double value);
} losskit_logit_level;

extern const losskit_logit_level losskit_logit_level_baseline;
#if LOSSKIT_HAS_AVX_LEVELS
extern const losskit_logit_level losskit_logit_level_avx2;
extern const losskit_logit_level losskit_logit_level_avx512;
#endif

/* The loops of a level, or of the best level this processor has if it lacks that one or it is 0. */
const losskit_logit_level *losskit_logit_level_for(int32_t level);

#endif
