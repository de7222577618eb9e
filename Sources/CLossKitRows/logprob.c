#include "losskit_logprob.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "check.h"
#include "level.h"

typedef struct scored_row {
  losskit_row_sums sums;
  double label; /* its logit */
} scored_row;

typedef struct forward_pass {
  const losskit_logprob *call;
  const losskit_row_level *level;
  int all;
  scored_row *rows;
} forward_pass;

static size_t element_size(int32_t type) { return type == LOSSKIT_FLOAT32 ? 4 : 2; }

static const void *row_of(const losskit_logits *logits, size_t row) {
  if (!logits->values) return NULL;
  return (const char *)logits->values + row * logits->row_stride * element_size(logits->type);
}

static int is_scored(const losskit_logprob *call, size_t row) { return !call->mask || call->mask[row]; }

static void score_block(void *context, size_t first, size_t end) {
  const forward_pass *const pass = context;
  const losskit_logprob *const call = pass->call;
  for (size_t row = first; row < end; row++) {
    if (!is_scored(call, row)) continue;
    const void *const values = row_of(&call->logits, row);
    pass->rows[row].sums = pass->level->logit_sums(values, call->logits.type, row_of(&call->reference, row),
                                                   call->reference.type, call->vocabulary, pass->all);
    pass->rows[row].label = pass->level->get_logit(values, call->logits.type, (size_t)call->labels[row]);
  }
}

static int32_t check_row(const forward_pass *pass, const losskit_logits *logits, const char *whose, size_t row,
                         double sum, losskit_logprob_error *error) {
  if (sum > 0) return 0;
  if (sum == 0)
    return losskit_logprob_fail(error, row, "every logit%s is -infinity; at least one must be finite", whose);
  const void *const values = row_of(logits, row);
  for (size_t index = 0; index < pass->call->vocabulary; index++) {
    const double value = pass->level->get_logit(values, logits->type, index);
    if (!(value < INFINITY))
      return losskit_logprob_fail(error, row, "logit %zu%s is %s; the model's numbers have overflowed before", index,
                                  whose, isnan(value) ? "NaN" : "infinity");
  }
  return losskit_logprob_fail(error, row, "the logits%s have changed while they were read", whose);
}

static int32_t check_rows(const forward_pass *pass, losskit_logprob_error *error) {
  const losskit_logprob *const call = pass->call;
  for (size_t row = 0; row < call->tokens; row++) {
    if (!is_scored(call, row)) continue;
    if (check_row(pass, &call->logits, "", row, pass->rows[row].sums.sum, error)) return 1;
    if (call->reference.values &&
        check_row(pass, &call->reference, " of the reference", row, pass->rows[row].sums.reference_sum, error))
      return 1;
  }
  return 0;
}

static void set_result(double *results, size_t row, double value) {
  if (results) results[row] = value;
}

static void write_row(const losskit_logprob *call, size_t row, const scored_row *scored) {
  const losskit_row_sums sums = scored->sums;
  const double log_sum = log(sums.sum), log_sum_exp = sums.maximum + log_sum;
  set_result(call->log_sum_exp, row, log_sum_exp);
  /* The difference of the two logits comes first: it is exact if they are close, however large they are. */
  set_result(call->log_probability, row, scored->label - sums.maximum - log_sum);
  set_result(call->entropy, row, log_sum - sums.first / sums.sum);
  set_result(call->log_collision, row, log(sums.second) - 2 * log_sum);
  if (!call->reference.values) return;
  const double log_reference_sum = log(sums.reference_sum);
  set_result(call->reference_log_sum_exp, row, sums.reference_maximum + log_reference_sum);
  set_result(call->divergence, row, sums.difference / sums.weights + log_sum - log_reference_sum);
}

static void clear_row(const losskit_logprob *call, size_t row) {
  set_result(call->log_sum_exp, row, 0);
  set_result(call->log_probability, row, 0);
  set_result(call->entropy, row, 0);
  set_result(call->log_collision, row, 0);
  set_result(call->reference_log_sum_exp, row, 0);
  set_result(call->divergence, row, 0);
}

int32_t losskit_logprob_forward(const losskit_logprob *call, losskit_logprob_error *error) {
  if (losskit_check_forward(call, error)) return 1;
  if (call->tokens == 0) return 0;
  forward_pass pass = {.call = call, .level = losskit_row_level_for(call->level),
                       .all = call->entropy || call->log_collision};
  pass.rows = malloc(call->tokens * sizeof *pass.rows);
  if (!pass.rows) return losskit_logprob_fail(error, SIZE_MAX, "no memory for the results of %zu rows", call->tokens);
  losskit_for_blocks(call->tokens, call->vocabulary * element_size(call->logits.type), call->threads, 0, score_block,
                     &pass);
  const int32_t failed = check_rows(&pass, error);
  for (size_t row = 0; row < call->tokens && !failed; row++) {
    if (is_scored(call, row)) {
      write_row(call, row, &pass.rows[row]);
    } else {
      clear_row(call, row);
    }
  }
  free(pass.rows);
  return failed;
}

typedef struct backward_pass {
  const losskit_logprob *call;
  const losskit_logprob_cotangent *cotangent;
  const losskit_row_level *level;
  char *gradient;
  size_t row_bytes; /* between rows of the gradient */
} backward_pass;

static double at(const double *values, size_t row) { return values ? values[row] : 0; }

static void differentiate_row(const backward_pass *pass, size_t row, void *gradient) {
  const losskit_logprob *const call = pass->call;
  const double probability = at(pass->cotangent->log_probability, row), entropy = at(pass->cotangent->entropy, row);
  const double collision = at(pass->cotangent->log_collision, row), divergence = at(pass->cotangent->divergence, row);
  /* d log π_y = δ - π;  dH = -π (log π + H);  d log Σπ² = 2π (π / Σπ² - 1);  dKL = π - π_reference. */
  const double others = divergence - 2 * collision - (entropy != 0 ? entropy * call->entropy[row] : 0);
  const losskit_row_slopes slopes = {
      .log_sum_exp = call->log_sum_exp[row],
      .reference_log_sum_exp = at(call->reference_log_sum_exp, row),
      .constant = others - probability,
      .linear = collision != 0 ? 2 * collision * exp(-call->log_collision[row]) : 0,
      .logarithmic = -entropy,
      .reference = divergence,
  };
  const int32_t type = call->logits.type;
  const size_t label = (size_t)call->labels[row];
  const void *const values = row_of(&call->logits, row);
  const void *const reference = divergence != 0 ? row_of(&call->reference, row) : NULL;
  /* The label's, before its logit is overwritten: 1 - π would lose digits for π near 1. */
  const double log_p = pass->level->get_logit(values, type, label) - slopes.log_sum_exp, p = exp(log_p);
  double own = -probability * expm1(log_p) + p * (others + slopes.linear * p + (p > 0 ? slopes.logarithmic * log_p : 0));
  if (reference) {
    const double log_q = pass->level->get_logit(reference, call->reference.type, label) - slopes.reference_log_sum_exp;
    own -= divergence * exp(log_q);
  }
  pass->level->logit_gradient(values, type, reference, call->reference.type, call->vocabulary, &slopes, gradient);
  pass->level->set_logit(gradient, type, label, own);
}

static int has_gradient(const backward_pass *pass, size_t row) {
  const losskit_logprob_cotangent *const all = pass->cotangent;
  return at(all->log_probability, row) != 0 || at(all->entropy, row) != 0 || at(all->log_collision, row) != 0 ||
         at(all->divergence, row) != 0;
}

static void differentiate_block(void *context, size_t first, size_t end) {
  const backward_pass *const pass = context;
  for (size_t row = end; row-- > first;) {
    char *const gradient = pass->gradient + row * pass->row_bytes;
    if (is_scored(pass->call, row) && has_gradient(pass, row)) {
      differentiate_row(pass, row, gradient);
    } else {
      memset(gradient, 0, pass->call->vocabulary * element_size(pass->call->logits.type));
    }
  }
}

static int32_t differentiate(const losskit_logprob *call, const losskit_logprob_cotangent *cotangent, void *gradient,
                             size_t gradient_row_stride, losskit_logprob_error *error) {
  if (losskit_check_cotangent(call, cotangent, error)) return 1;
  const size_t size = element_size(call->logits.type);
  backward_pass pass = {.call = call, .cotangent = cotangent, .level = losskit_row_level_for(call->level),
                        .gradient = gradient, .row_bytes = gradient_row_stride * size};
  losskit_for_blocks(call->tokens, call->vocabulary * size, call->threads, 1, differentiate_block, &pass);
  return 0;
}

int32_t losskit_logprob_backward(const losskit_logprob *call, const losskit_logprob_cotangent *cotangent,
                                 void *gradient, size_t gradient_row_stride, losskit_logprob_error *error) {
  if (losskit_check_backward(call, cotangent, gradient, gradient_row_stride, error)) return 1;
  return differentiate(call, cotangent, gradient, gradient_row_stride, error);
}

int32_t losskit_logprob_evaluate(const losskit_logprob *call, losskit_logprob_loss loss, void *context,
                                 const losskit_logprob_cotangent *cotangent, void *gradient,
                                 size_t gradient_row_stride, losskit_logprob_error *error) {
  if (losskit_check_backward(call, cotangent, gradient, gradient_row_stride, error)) return 1;
  int32_t status = losskit_logprob_forward(call, error);
  if (status == 0) status = loss(context);
  if (status == 0) status = differentiate(call, cotangent, gradient, gradient_row_stride, error);
  return status;
}

void losskit_logprob_sum(const double *values, const size_t *offsets, size_t sequences, double *sums) {
  for (size_t sequence = 0; sequence < sequences; sequence++) {
    double sum = 0;
    for (size_t row = offsets[sequence]; row < offsets[sequence + 1]; row++) sum += values[row];
    sums[sequence] = sum;
  }
}

void losskit_logprob_spread(const double *sums, const size_t *offsets, size_t sequences, double *values) {
  for (size_t sequence = 0; sequence < sequences; sequence++)
    for (size_t row = offsets[sequence]; row < offsets[sequence + 1]; row++) values[row] = sums[sequence];
}
