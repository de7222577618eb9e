#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "function.h"

/* One evaluation of a component. Row r is at index places[r] of its columns, or at r if places is NULL. */
typedef struct evaluation {
  const losskit_component *self;
  const losskit_foreign_plan *plan;
  const losskit_frame *frame;
  losskit_error *error;
  losskit_rows rows;
  const size_t *places;
  const double *columns[LOSSKIT_MOST_ARGUMENTS];
  double *slopes[LOSSKIT_MOST_ARGUMENTS];
  double *scratch;   /* the unused part */
} evaluation;

static double *take_scratch(evaluation *e) {
  double *taken = e->scratch;
  e->scratch += e->rows.count;
  return taken;
}

static size_t place_of(const evaluation *e, size_t row) { return e->places ? e->places[row] : row; }

static size_t offset_of(const evaluation *e, const losskit_foreign_value *value) {
  return e->self->kind == LOSSKIT_LOSS ? value->rank * e->frame->prompts : 0;
}

/* ---- failures ----------------------------------------------------------------------------------------------------------- */

/* Describes a row as "prompt 3" or "response 2 of prompt 3", and its values. */
static void describe_row(const evaluation *e, size_t row, char *text, size_t size) {
  const size_t place = place_of(e, row), prompt = place % e->frame->prompts;
  size_t length = 0;
  if (e->self->kind == LOSSKIT_REWARD) {
    length += (size_t)snprintf(text, size, "response %zu of ", place / e->frame->prompts + 1);
  }
  length += (size_t)snprintf(text + length, size - length, "prompt %zu", prompt + 1);
  for (size_t v = 0; v < e->plan->value_count && length < size; v++) {
    length += (size_t)snprintf(
        text + length, size - length, "%s%s = %.6g", v ? ", " : " (", e->plan->values[v].name, e->columns[v][row]);
  }
  if (length < size && e->plan->value_count) snprintf(text + length, size - length, ")");
}

static int32_t fail_at(const evaluation *e, size_t row, const char *what, const char *name, double number) {
  if (!e->error) return 1;
  char place[320], shown[32];
  describe_row(e, row, place, sizeof place);
  if (isnan(number)) snprintf(shown, sizeof shown, "NaN");
  else if (isinf(number)) snprintf(shown, sizeof shown, number < 0 ? "-infinity" : "infinity");
  else snprintf(shown, sizeof shown, "%.6g", number);
  e->error->prompt = (int64_t)(place_of(e, row) % e->frame->prompts);
  snprintf(e->error->message, sizeof e->error->message, what, e->plan->name, name, shown, place);
  return 1;
}

static int32_t fail_to_call(
    const evaluation *e, const losskit_foreign_function *function, const losskit_obstacle *obstacle) {
  if (obstacle->kind == LOSSKIT_NOT_OF_TYPE) {
    const losskit_foreign_argument argument = function->arguments[obstacle->argument];
    if (argument.role == LOSSKIT_GETS_VALUE) {
      return fail_at(
          e, obstacle->row, "%s: its integer argument %s cannot be %s, as it is of %s",
          e->plan->values[argument.index].name, e->columns[argument.index][obstacle->row]);
    }
    if (e->error) {
      snprintf(
          e->error->message, sizeof e->error->message, "%s: argument %zu cannot hold its number", e->plan->name,
          obstacle->argument + 1);
    }
  } else if (e->error) {
    snprintf(e->error->message, sizeof e->error->message, "%s: there is not enough memory", e->plan->name);
  }
  return 1;
}

/* ---- columns ------------------------------------------------------------------------------------------------------------ */

static void lay_out_columns(evaluation *e) {
  for (size_t v = 0; v < e->plan->value_count; v++) {
    const losskit_foreign_value *value = &e->plan->values[v];
    const double *column = e->frame->inputs[value->input] + offset_of(e, value);
    const double *subtracted = value->subtracted == UINT32_MAX ? NULL : e->frame->inputs[value->subtracted];
    e->columns[v] = column;
    if (!e->places && !subtracted) continue;
    double *gathered = take_scratch(e);
    for (size_t row = 0; row < e->rows.count; row++) {
      const size_t place = place_of(e, row);
      gathered[row] = subtracted ? column[place] - subtracted[place] : column[place];
    }
    e->columns[v] = gathered;
  }
  e->rows.columns = e->columns;
}

/* The index of the first number that is not finite and whose factor is not 0; `count` if there is none. */
static size_t first_not_finite(const double *numbers, const double *factors, size_t count) {
  // Without branches, so that the compiler can vectorize it: x - x is 0 for finite x, else NaN.
  int64_t bad = 0;
  if (factors) {
    for (size_t row = 0; row < count; row++) bad |= (numbers[row] - numbers[row] != 0) & (factors[row] != 0);
  } else {
    for (size_t row = 0; row < count; row++) bad |= numbers[row] - numbers[row] != 0;
  }
  if (!bad) return count;
  size_t row = 0;
  while (row < count && (isfinite(numbers[row]) || (factors && factors[row] == 0))) row++;
  return row;
}

/* ---- values ------------------------------------------------------------------------------------------------------------- */

static int32_t call_function(const evaluation *e, double *output) {
  losskit_obstacle obstacle = {LOSSKIT_NO_OBSTACLE, 0, 0};
  if (!losskit_call_rows(e->plan->function, &e->rows, output, NULL, &obstacle)) {
    return fail_to_call(e, e->plan->function, &obstacle);
  }
  return 0;
}

static int32_t write_output(evaluation *e) {
  double *output = e->places ? take_scratch(e) : e->frame->output;
  if (call_function(e, output)) return 1;
  const size_t bad = first_not_finite(output, NULL, e->rows.count);
  if (bad < e->rows.count) return fail_at(e, bad, "%s%s is %s for %s", "", output[bad]);
  if (!e->places) return 0;
  memset(e->frame->output, 0, e->frame->prompts * e->frame->responses * sizeof(double));
  for (size_t row = 0; row < e->rows.count; row++) e->frame->output[e->places[row]] = output[row];
  return 0;
}

/* ---- derivatives -------------------------------------------------------------------------------------------------------- */

static double *target_of(const evaluation *e, const losskit_foreign_value *value) {
  return value->is_differentiable ? e->frame->gradients[value->input] : NULL;
}

/* Whether a value's derivatives can be written straight to their target: no other value shares it. */
static int is_alone(const evaluation *e, size_t v) {
  if (e->places) return 0;
  const losskit_foreign_value *value = &e->plan->values[v];
  for (size_t other = 0; other < e->plan->value_count; other++) {
    const losskit_foreign_value *rival = &e->plan->values[other];
    if (other != v && rival->is_differentiable && rival->input == value->input && rival->rank == value->rank) return 0;
  }
  return 1;
}

static int32_t differences(evaluation *e, size_t v) {
  const losskit_foreign_value *value = &e->plan->values[v];
  const double *column = e->columns[v];
  double *upper = take_scratch(e), *lower = take_scratch(e), *above = take_scratch(e), *below = take_scratch(e);
  for (size_t row = 0; row < e->rows.count; row++) {
    const double x = column[row], step = value->step * fmax(1, fabs(x));
    upper[row] = value->is_single ? (float)(x + step) : x + step;
    lower[row] = value->is_single ? (float)(x - step) : x - step;
  }
  e->columns[v] = upper;
  int32_t status = call_function(e, above);
  e->columns[v] = lower;
  if (!status) status = call_function(e, below);
  e->columns[v] = column;
  for (size_t row = 0; row < e->rows.count && !status; row++) {
    // Divides by the rounded distance, which cancels the rounding error of x ± step.
    e->slopes[v][row] = (above[row] - below[row]) / (upper[row] - lower[row]);
  }
  e->scratch = upper;
  return status;
}

static int32_t find_slopes(evaluation *e) {
  for (size_t v = 0; v < e->plan->value_count; v++) {
    double *target = target_of(e, &e->plan->values[v]);
    e->slopes[v] = target && is_alone(e, v) ? target + offset_of(e, &e->plan->values[v]) : take_scratch(e);
  }
  if (e->plan->gradient) {
    losskit_obstacle obstacle = {LOSSKIT_NO_OBSTACLE, 0, 0};
    if (losskit_call_rows(e->plan->gradient, &e->rows, NULL, e->slopes, &obstacle)) return 0;
    return fail_to_call(e, e->plan->gradient, &obstacle);
  }
  for (size_t v = 0; v < e->plan->value_count; v++) {
    if (target_of(e, &e->plan->values[v]) && differences(e, v)) return 1;
  }
  return 0;
}

/* Zeroes the gradients that no value writes straight to their target. */
static void clear_rest(const evaluation *e) {
  const size_t prompts = e->frame->prompts;
  for (size_t input = 0; input < e->self->input_count; input++) {
    double *target = e->frame->gradients[input];
    if (!target || !(e->self->inputs[input]->flags & LOSSKIT_DIFFERENTIABLE)) continue;
    for (size_t rank = 0; rank < e->frame->responses; rank++) {
      int is_written = 0;
      for (size_t v = 0; v < e->plan->value_count; v++) {
        const losskit_foreign_value *value = &e->plan->values[v];
        const int is_here = e->self->kind == LOSSKIT_REWARD || value->rank == rank;
        is_written |= value->input == input && is_here && value->is_differentiable && is_alone(e, v);
      }
      if (!is_written) memset(target + rank * prompts, 0, prompts * sizeof(double));
    }
  }
}

/* Adds a value's derivatives times the output's cotangents to their target. A row with cotangent 0 adds 0, even if its slope is
 * infinite. */
static int32_t write_gradient(evaluation *e, size_t v, double *target) {
  double *slopes = e->slopes[v];
  const double *cotangent = e->frame->cotangent;
  double *const unused = e->scratch; /* gathered values are only needed here */
  if (e->places) {
    double *gathered = take_scratch(e);
    for (size_t row = 0; row < e->rows.count; row++) gathered[row] = cotangent[e->places[row]];
    cotangent = gathered;
  }
  const size_t bad = first_not_finite(slopes, cotangent, e->rows.count);
  if (bad < e->rows.count) {
    return fail_at(e, bad, "the derivative of %s by %s is %s for %s", e->plan->values[v].name, slopes[bad]);
  }
  for (size_t row = 0; row < e->rows.count; row++) {
    const double product = slopes[row] * cotangent[row];
    slopes[row] = cotangent[row] == 0 ? 0 : product;
  }
  e->scratch = unused;
  if (slopes == target) return 0;
  for (size_t row = 0; row < e->rows.count; row++) target[place_of(e, row)] += slopes[row];
  return 0;
}

static int32_t write_gradients(evaluation *e) {
  clear_rest(e);
  if (find_slopes(e)) return 1;
  for (size_t v = 0; v < e->plan->value_count; v++) {
    const losskit_foreign_value *value = &e->plan->values[v];
    double *target = target_of(e, value);
    if (!target) continue;
    if (write_gradient(e, v, target + offset_of(e, value))) return 1;
  }
  return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------- */

/* The places of the existing responses, if prompts have different numbers of them. */
static size_t *existing_places(const losskit_frame *frame, size_t *count) {
  size_t *places = malloc(frame->prompts * frame->responses * sizeof(size_t));
  *count = 0;
  for (size_t rank = 0; places && rank < frame->responses; rank++) {
    for (size_t prompt = 0; prompt < frame->prompts; prompt++) {
      if (rank < frame->counts[prompt]) places[(*count)++] = rank * frame->prompts + prompt;
    }
  }
  return places;
}

int32_t losskit_foreign_compute(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  if (frame->prompts == 0) return 0;
  const int is_loss = self->kind == LOSSKIT_LOSS;
  evaluation e = {.self = self, .plan = self->context, .frame = frame, .error = error};
  e.rows.count = is_loss ? frame->prompts : frame->prompts * frame->responses;
  e.rows.parameters = frame->parameters;
  size_t *places = NULL;
  int has_memory = 1;
  if (!is_loss && frame->counts) {
    places = existing_places(frame, &e.rows.count);
    has_memory = places != NULL;
    e.places = places;
  }
  // Columns and slopes of each value, the output, and four columns for differences.
  double *scratch = has_memory ? malloc((2 * e.plan->value_count + 5) * (e.rows.count + 1) * sizeof(double)) : NULL;
  e.scratch = scratch;
  int32_t status = 1;
  if (scratch) {
    lay_out_columns(&e);
    status = write_output(&e);
    if (!status && frame->cotangent) status = write_gradients(&e);
  } else if (error) {
    snprintf(error->message, sizeof error->message, "%s: there is not enough memory", e.plan->name);
  }
  free(scratch);
  free(places);
  return status;
}
