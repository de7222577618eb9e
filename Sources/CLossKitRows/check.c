#include "check.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "level.h"

/* A range of the caller's memory, for messages and to detect overlaps. */
typedef struct extent {
  const char *name;
  const void *start;
  size_t bytes;
} extent;

enum { MOST_EXTENTS = 16 };

int32_t losskit_logprob_fail(losskit_logprob_error *error, size_t row, const char *format, ...) {
  if (!error) return 1;
  error->row = row;
  const size_t room = sizeof error->message;
  int length = row == SIZE_MAX ? snprintf(error->message, room, "logits: ")
                               : snprintf(error->message, room, "logits, row %zu: ", row);
  if (length < 0) length = 0;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message + length, room - (size_t)length, format, arguments);
  va_end(arguments);
  return 1;
}

static int overlap(extent a, extent b) {
  if (!a.start || !b.start || a.bytes == 0 || b.bytes == 0) return 0;
  const uintptr_t first = (uintptr_t)a.start, second = (uintptr_t)b.start;
  return first < second ? second - first < a.bytes : first - second < b.bytes;
}

static int32_t check_apart(const extent *written, size_t written_count, const extent *read, size_t read_count,
                           losskit_logprob_error *error) {
  for (size_t i = 0; i < written_count; i++) {
    for (size_t k = 0; k < i; k++)
      if (overlap(written[i], written[k]))
        return losskit_logprob_fail(error, SIZE_MAX, "%s overlaps %s; use separate memory for each", written[i].name,
                                    written[k].name);
    for (size_t k = 0; k < read_count; k++)
      if (overlap(written[i], read[k]))
        return losskit_logprob_fail(error, SIZE_MAX, "%s overlaps %s; use separate memory for each", written[i].name,
                                    read[k].name);
  }
  return 0;
}

static int32_t check_matrix(const char *name, const void *values, int32_t type, size_t row_stride, size_t tokens,
                            size_t vocabulary, extent *result, losskit_logprob_error *error) {
  if (type != LOSSKIT_FLOAT32 && type != LOSSKIT_FLOAT16 && type != LOSSKIT_BFLOAT16)
    return losskit_logprob_fail(error, SIZE_MAX, "%s have the unknown type %d; use one of LOSSKIT_FLOAT32, "
                                "LOSSKIT_FLOAT16, LOSSKIT_BFLOAT16", name, type);
  if (!values && tokens > 0)
    return losskit_logprob_fail(error, SIZE_MAX, "%s are missing; give the address of the first", name);
  if (row_stride < vocabulary)
    return losskit_logprob_fail(error, SIZE_MAX, "%s have rows %zu elements apart, which is less than the vocabulary "
                                "of %zu", name, row_stride, vocabulary);
  size_t bytes = 0;
  if (tokens > 0 && (__builtin_mul_overflow(tokens - 1, row_stride, &bytes) ||
                     __builtin_add_overflow(bytes, vocabulary, &bytes) ||
                     __builtin_mul_overflow(bytes, (size_t)(type == LOSSKIT_FLOAT32 ? 4 : 2), &bytes) ||
                     bytes > PTRDIFF_MAX))
    return losskit_logprob_fail(error, SIZE_MAX, "%s of %zu rows, %zu elements apart, exceed the address space", name,
                                tokens, row_stride);
  *result = (extent){name, values, bytes};
  return 0;
}

/* Checks the inputs of both directions and appends them to `read`. */
static int32_t check_inputs(const losskit_logprob *call, extent *read, size_t *count, losskit_logprob_error *error) {
  const size_t tokens = call->tokens;
  if (call->vocabulary == 0 || call->vocabulary > INT32_MAX)
    return losskit_logprob_fail(error, SIZE_MAX, "invalid number of classes %zu in the vocabulary; expected 1 to %d",
                                call->vocabulary, INT32_MAX);
  if (tokens > PTRDIFF_MAX / 128)
    return losskit_logprob_fail(error, SIZE_MAX, "%zu rows exceed the address space", tokens);
  if (check_matrix("the logits", call->logits.values, call->logits.type, call->logits.row_stride, tokens,
                   call->vocabulary, &read[(*count)++], error))
    return 1;
  if (call->reference.values) {
    if (check_matrix("the reference's logits", call->reference.values, call->reference.type,
                     call->reference.row_stride, tokens, call->vocabulary, &read[(*count)++], error))
      return 1;
    if (!call->reference_log_sum_exp && tokens > 0)
      return losskit_logprob_fail(error, SIZE_MAX, "a reference needs reference_log_sum_exp; give %zu doubles", tokens);
  } else if (call->divergence) {
    return losskit_logprob_fail(error, SIZE_MAX, "a divergence needs the logits of a reference");
  }
  if (tokens > 0 && (!call->labels || !call->log_sum_exp))
    return losskit_logprob_fail(error, SIZE_MAX, "%s missing; give one for each row",
                                call->labels ? "log_sum_exp is" : "labels are");
  for (size_t row = 0; row < tokens; row++) {
    if (call->mask && !call->mask[row]) continue;
    if (call->labels[row] < 0 || (size_t)call->labels[row] >= call->vocabulary)
      return losskit_logprob_fail(error, row, "the label is %d, the vocabulary has %zu classes; mask the row or correct "
                                  "the label", call->labels[row], call->vocabulary);
  }
  read[(*count)++] = (extent){"labels", call->labels, tokens * sizeof(int32_t)};
  read[(*count)++] = (extent){"the mask", call->mask, tokens};
  return 0;
}

static size_t list_results(const losskit_logprob *call, extent *results) {
  const size_t bytes = call->tokens * sizeof(double);
  const extent all[] = {
      {"log_sum_exp", call->log_sum_exp, bytes},
      {"log_probability", call->log_probability, bytes},
      {"entropy", call->entropy, bytes},
      {"log_collision", call->log_collision, bytes},
      {"divergence", call->divergence, bytes},
      {"reference_log_sum_exp", call->reference_log_sum_exp, bytes},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) results[i] = all[i];
  return sizeof all / sizeof *all;
}

int32_t losskit_check_forward(const losskit_logprob *call, losskit_logprob_error *error) {
  extent read[MOST_EXTENTS], written[MOST_EXTENTS];
  size_t read_count = 0;
  if (check_inputs(call, read, &read_count, error)) return 1;
  return check_apart(written, list_results(call, written), read, read_count, error);
}

int32_t losskit_check_cotangent(const losskit_logprob *call, const losskit_logprob_cotangent *cotangent,
                                losskit_logprob_error *error) {
  const double limit = call->logits.type == LOSSKIT_FLOAT16 ? 65504 : FLT_MAX;
  const struct { const char *name; const double *values; double slope; } all[] = {
      /* A probability changes none of these by more than its slope; the entropy's is log V + 1, at most 23. */
      {"log_probability", cotangent->log_probability, 1},
      {"entropy", cotangent->entropy, 23},
      {"log_collision", cotangent->log_collision, 2},
      {"divergence", cotangent->divergence, 1},
  };
  for (size_t row = 0; row < call->tokens; row++) {
    if (call->mask && !call->mask[row]) continue;
    double bound = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
      if (!all[i].values) continue;
      if (!isfinite(all[i].values[row]))
        return losskit_logprob_fail(error, row, "invalid value %s of the gradient of %s; expected a finite number",
                                    isnan(all[i].values[row])   ? "NaN"
                                    : all[i].values[row] < 0 ? "-infinity"
                                                             : "infinity",
                                    all[i].name);
      bound += all[i].slope * fabs(all[i].values[row]);
    }
    if (bound > limit)
      return losskit_logprob_fail(error, row, "the gradient may reach %g, which the logits' type cannot hold; scale the "
                                  "loss down or use float32", bound);
    if (!isfinite(call->log_sum_exp[row]) || (cotangent->divergence && !isfinite(call->reference_log_sum_exp[row])))
      return losskit_logprob_fail(error, row, "its log-sum-exp is not finite; run the forward pass on these logits "
                                  "first");
  }
  return 0;
}

int32_t losskit_check_backward(const losskit_logprob *call, const losskit_logprob_cotangent *cotangent,
                               const void *gradient, size_t gradient_row_stride, losskit_logprob_error *error) {
  extent read[MOST_EXTENTS], written;
  size_t count = 0;
  if (check_inputs(call, read, &count, error)) return 1;
  if (check_matrix("the gradient's elements", gradient, call->logits.type, gradient_row_stride, call->tokens,
                   call->vocabulary, &written, error))
    return 1;
  if (call->tokens > 0 &&
      ((cotangent->log_probability && !call->log_probability) || (cotangent->entropy && !call->entropy) ||
       (cotangent->log_collision && !call->log_collision) || (cotangent->divergence && !call->reference.values)))
    return losskit_logprob_fail(error, SIZE_MAX, "a gradient is given for what the forward pass did not compute");
  count += list_results(call, read + count);
  const size_t bytes = call->tokens * sizeof(double);
  read[count++] = (extent){"the gradient of log_probability", cotangent->log_probability, bytes};
  read[count++] = (extent){"the gradient of entropy", cotangent->entropy, bytes};
  read[count++] = (extent){"the gradient of log_collision", cotangent->log_collision, bytes};
  read[count++] = (extent){"the gradient of divergence", cotangent->divergence, bytes};
  /* In place, each logit is read before its gradient is written. */
  if (gradient == call->logits.values && gradient_row_stride == call->logits.row_stride) read[0].bytes = 0;
  return check_apart(&written, 1, read, count, error);
}
