/* From logits to log-probabilities, and from gradients of log-probabilities to gradients of logits, over the rows of a
 * [tokens, vocabulary] matrix. Each direction takes one pass over memory and allocates nothing of the matrix's size. In
 * liblosskit.so, beside the functions of losskit.h.
 *
 * C11 and C++17. The caller owns all memory. A function that fails returns nonzero, describes the failure in `error` and has
 * written nothing else. Results have the same bits for any number of threads.
 *
 * The comment of a function ends with tags for threads and memory, as in losskit.h:
 *   [any thread]        from any thread, any number of calls at once
 *   [calling thread]    called by the thread that called the function which takes it, before that returns
 *   [borrows x]         x, and what it points to, is only read, and not kept after the call
 *   [writes x]          x is the caller's memory; nothing else may use it during the call */
#ifndef LOSSKIT_LOGPROB_H
#define LOSSKIT_LOGPROB_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The type of stored numbers, as in losskit.h. */
#ifndef LOSSKIT_NUMBER_TYPES
#define LOSSKIT_NUMBER_TYPES
enum { LOSSKIT_FLOAT64 = 0, LOSSKIT_FLOAT32 = 1, LOSSKIT_FLOAT16 = 2, LOSSKIT_BFLOAT16 = 3 };
#endif

/* A matrix of logits: element v of row r is values[r * row_stride + v], with row_stride in elements. */
typedef struct losskit_logits {
  const void *values;
  size_t row_stride;
  int32_t type; /* LOSSKIT_FLOAT32, LOSSKIT_FLOAT16 or LOSSKIT_BFLOAT16 */
} losskit_logits;

/* The rows to score, and the results: arrays of `tokens` doubles in nats, 0 in masked rows. NULL for results that are
 * not requested. */
typedef struct losskit_logprob {
  losskit_logits logits;
  size_t tokens, vocabulary;
  const int32_t *labels;    /* [tokens], each in 0 ..< vocabulary unless the row is masked */
  const uint8_t *mask;      /* [tokens], 0 in masked rows, which are not read; NULL to score every row */
  losskit_logits reference; /* a second distribution of each row; values NULL if there is none */
  int32_t threads;          /* 0: one per processor */
  int32_t level;            /* 0: the best instructions of the processor; 1 baseline, 2 AVX2, 3 AVX-512 */

  double *log_probability;       /* log π of the label; -inf where its logit is */
  double *log_sum_exp;           /* of the row; required, because the gradient uses it */
  double *entropy;               /* -Σ π log π */
  double *log_collision;         /* log Σ π² */
  double *divergence;            /* KL(reference ‖ π); +inf where π is 0 and the reference is not */
  double *reference_log_sum_exp; /* required with `reference` */
} losskit_logprob;

/* The gradient of a loss with respect to each result, [tokens] each; NULL if it is 0. Masked rows are not read. */
typedef struct losskit_logprob_cotangent {
  const double *log_probability, *entropy, *log_collision, *divergence;
} losskit_logprob_cotangent;

typedef struct losskit_logprob_error {
  size_t row; /* the row it concerns, or SIZE_MAX */
  char message[240];
} losskit_logprob_error;

/* Scores every row. A row with NaN or +inf, or without a finite logit, is an error.
 * A log-probability of float32 logits is accurate to 1e-6, or to 1e-15 times the largest logit if that is more; so are
 * the other results if they are below 100.
 * [any thread] [borrows call] [writes the results of call] */
int32_t losskit_logprob_forward(const losskit_logprob *call, losskit_logprob_error *error);

/* Writes the gradient of the logits, in their type, from the results that losskit_logprob_forward wrote for the same
 * logits. `gradient` is `call->logits.values` with the same stride, or memory that overlaps no other memory of the call.
 * Masked rows become 0; elements between rows are not written.
 * entropy, log_collision: required if their cotangent is given.
 * [any thread] [borrows call, cotangent] [writes gradient] */
int32_t losskit_logprob_backward(const losskit_logprob *call, const losskit_logprob_cotangent *cotangent,
                                 void *gradient, size_t gradient_row_stride, losskit_logprob_error *error);

/* The loss between the two passes: reads the call's results and writes the arrays of its cotangent. Nonzero ends the
 * evaluation.
 * [calling thread] [writes context] */
typedef int32_t (*losskit_logprob_loss)(void *context);

/* losskit_logprob_forward, the loss, then losskit_logprob_backward. Returns the loss's result if that is not 0. If the
 * loss fails or writes a gradient that is rejected, the results are written, but not the gradient of the logits.
 * [any thread] [borrows call, loss, cotangent] [writes context, gradient, and the results of call] */
int32_t losskit_logprob_evaluate(const losskit_logprob *call, losskit_logprob_loss loss, void *context,
                                 const losskit_logprob_cotangent *cotangent, void *gradient,
                                 size_t gradient_row_stride, losskit_logprob_error *error);

/* sums[s] = Σ values[r] over rows offsets[s] ..< offsets[s + 1]; offsets has sequences + 1 ascending entries.
 * [any thread] [borrows values, offsets] [writes sums] */
void losskit_logprob_sum(const double *values, const size_t *offsets, size_t sequences, double *sums);

/* values[r] = sums[s] for each row of each sequence: the gradient of losskit_logprob_sum.
 * [any thread] [borrows sums, offsets] [writes values] */
void losskit_logprob_spread(const double *sums, const size_t *offsets, size_t sequences, double *values);

#ifdef __cplusplus
}
#endif
#endif
