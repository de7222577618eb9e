/* The kernels on rows of floats, one table per instruction set. */
#ifndef LOSSKIT_ROW_LEVEL_H
#define LOSSKIT_ROW_LEVEL_H
#include "losskit_levels.h"
#include "losskit_logprob.h"
#include "losskit_transformer.h"

/* Sums over a row's distribution, relative to a large logit. All are NaN or meaningless if `sum` is NaN (a logit is NaN or
 * +inf) or 0 (all logits are -inf); likewise with the reference's. */
typedef struct losskit_row_sums {
  double maximum;   /* one of the row's logits x, the largest or one at most 16 below it */
  double sum;       /* Σ e, e = exp(x - maximum) */
  double first;     /* Σ e · (x - maximum) */
  double second;    /* Σ e² */
  double reference_maximum;
  double reference_sum;
  double weights;    /* the same sum, computed like `difference` */
  double difference; /* Σ exp(y') · (y' - x'), for the reference's and the row's logits minus their maxima */
} losskit_row_sums;

/* The gradient of a row: π · (constant + linear · π + logarithmic · log π) - reference · π_reference. */
typedef struct losskit_row_slopes {
  double log_sum_exp, reference_log_sum_exp;
  double constant, linear, logarithmic, reference;
} losskit_row_slopes;

typedef struct losskit_row_level {
  void (*round_to_bfloat16)(const float *values, size_t count, uint16_t *rounded);
  void (*expand_bfloat16)(const uint16_t *rounded, size_t count, float *values);
  void (*expand_half)(const uint16_t *halves, size_t count, float *values);
  /* results[i] = exp(arguments[i]) as the loops over logits compute it, for arguments of at most 88. */
  void (*exponentials)(const float *arguments, size_t count, float *results);

  /* Sums over a row of `count` logits: the first two; if `all`, the first four; with a reference, all. The reference's row
   * may have another type. */
  losskit_row_sums (*logit_sums)(const void *row, int32_t type, const void *reference, int32_t reference_type,
                                 size_t count, int all);
  /* Writes the gradient of a row, in its type; `gradient` is the row itself or does not overlap it. */
  void (*logit_gradient)(const void *row, int32_t type, const void *reference, int32_t reference_type, size_t count,
                         const losskit_row_slopes *slopes, void *gradient);
  double (*get_logit)(const void *row, int32_t type, size_t index);
  /* Rounds to nearest. */
  void (*set_logit)(void *row, int32_t type, size_t index, double value);

  losskit_transformer_kernels transformer;
} losskit_row_level;

extern const losskit_row_level LOSSKIT_EACH_LEVEL(losskit_row_level);

/* The table of a level, or of the best one if the processor lacks it. */
const losskit_row_level *losskit_row_level_for(int32_t level);

#endif
