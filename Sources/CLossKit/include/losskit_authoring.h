/* losskit_authoring.h: a loss or reward from one function. It adds nothing to the ABI of losskit_plugin.h, which includes it:
 * its macros write the descriptors, `compute` and the entry function.
 *
 * One function and one macro line are a whole plugin:
 *
 *   #include "losskit_plugin.h"
 *
 *   static double my_loss(double chosen, double rejected, double beta, double *d_chosen, double *d_rejected) {
 *     const double margin = beta * (chosen - rejected);
 *     *d_chosen = -beta * losskit_sigmoid(-margin);
 *     *d_rejected = -*d_chosen;
 *     return -losskit_log_sigmoid(margin);
 *   }
 *   LOSSKIT_PAIRWISE_LOSS(my_loss, "my-loss", "One sentence.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))
 *
 *   cc -O2 -shared -fPIC -o libmy-loss.so my_loss.c -lm
 *
 * The function gets its arguments, then the hyperparameters in the order of the macro line (at most 8), then where to write the
 * derivative by each argument. A file has one macro line, without a semicolon:
 *
 *   LOSSKIT_PAIRWISE_LOSS(f, name, summary, ...)     f(chosen, rejected, ...): a loss of two rewards, unscaled
 *   LOSSKIT_MARGIN_LOSS(f, name, summary, ...)       f(margin, ...): a loss of the chosen minus the rejected reward
 *   LOSSKIT_LOG_RATIO_REWARD(f, name, summary, ...)  f(log_ratio, ...): a reward, a function of log pi - log pi_ref
 *                                                    with f(0) = 0
 *
 * or the same with the suffix _NUMERIC for a function that writes no derivatives: gradients are then central differences, and
 * the component has the flag NUMERIC_GRADIENT, which hosts report. A NaN value or derivative is an error that names the prompt.
 * Anything else (columns, rankings, state, batch statistics) needs the ABI itself, in losskit_plugin.h.
 *
 * The component's version is "1"; to change it, #define LOSSKIT_PLUGIN_VERSION "2" before including this header.
 *
 * The comment of a function ends with the tags that losskit_plugin.h defines. */
#ifndef LOSSKIT_AUTHORING_H
#define LOSSKIT_AUTHORING_H

#include "losskit_plugin.h"

#include <math.h>
#include <stdio.h>

#ifndef LOSSKIT_PLUGIN_VERSION
#define LOSSKIT_PLUGIN_VERSION "1"
#endif

/* Hyperparameters of a macro line: name, default, (bounds,) summary. SCALE is positive, and the factor on rewards in metrics; at
 * most one. Any other hyperparameter is the fields of a losskit_parameter in parentheses. */
#define LOSSKIT_SCALE(name, initial, summary) \
  (name, NULL, summary, LOSSKIT_REAL, LOSSKIT_LOWER_OPEN | LOSSKIT_REWARD_SCALE, initial, 0, INFINITY, NULL)
#define LOSSKIT_POSITIVE(name, initial, summary) \
  (name, NULL, summary, LOSSKIT_REAL, LOSSKIT_LOWER_OPEN, initial, 0, INFINITY, NULL)
#define LOSSKIT_NON_NEGATIVE(name, initial, summary) (name, NULL, summary, LOSSKIT_REAL, 0, initial, 0, INFINITY, NULL)
#define LOSSKIT_BETWEEN(name, initial, lower, upper, summary) (name, NULL, summary, LOSSKIT_REAL, 0, initial, lower, upper, NULL)
#define LOSSKIT_ANY(name, initial, summary) (name, NULL, summary, LOSSKIT_REAL, 0, initial, -INFINITY, INFINITY, NULL)

/* 1 / (1 + exp(-x)), without overflow.
 * [any thread] */
static inline double losskit_sigmoid(double x) {
  const double small = exp(-fabs(x));
  return (x < 0 ? small : 1) / (1 + small);
}

/* log(1 / (1 + exp(-x))), without overflow or cancellation.
 * [any thread] */
static inline double losskit_log_sigmoid(double x) { return (x < 0 ? x : 0) - log1p(exp(-fabs(x))); }

/* Whether x is NaN. In C++, isnan is a function of the standard library, which a plugin would then export.
 * [any thread] */
static inline int losskit_is_nan(double x) { return x != x; }

/* Writes an error, unless it is NULL, and returns 1. prompt: -1 for none. Hosts prefix the component's name.
 * [any thread] [borrows problem] */
static inline int32_t losskit_fail(losskit_error *error, int64_t prompt, const char *problem) {
  if (error) {
    error->prompt = prompt;
    snprintf(error->message, sizeof error->message, "%s", problem);
  }
  return 1;
}

/* The author's function behind one signature: returns the value for arguments x and parameters p, writes derivatives to d.
 * [any thread] [borrows x, p] [writes d] */
typedef double (*losskit_row_function)(const double *x, const double *p, double *d);

/* Central differences, divided by the steps as rounded.
 * [any thread] [borrows x, p] [writes d] */
static inline void losskit_differences(losskit_row_function row, int arguments, const double *x, const double *p, double *d) {
  for (int i = 0; i < arguments; i++) {
    const double step = 6e-6 + 1e-9 * fabs(x[i]);
    double above[2] = { x[0], x[1] }, below[2] = { x[0], x[1] }, unused[2];
    above[i] += step;
    below[i] -= step;
    d[i] = (row(above, p, unused) - row(below, p, unused)) / (above[i] - below[i]);
  }
}

/* `compute` of a component whose rows are pairs of numbers: the rewards of a prompt, or the log-probabilities of a response.
 * A function with one argument gets their difference.
 * [any thread] [borrows self, frame] [writes output and gradients of the frame] */
static inline int32_t losskit_compute_rows(const losskit_component *self, const losskit_frame *frame, losskit_error *error,
                                           losskit_row_function row, int arguments) {
  const int is_loss = self->kind == LOSSKIT_LOSS;
  const size_t prompts = frame->prompts, count = is_loss ? prompts : prompts * frame->responses;
  if (count == 0) return 0;
  const double *first = frame->inputs[0], *second = is_loss ? first + prompts : frame->inputs[1];
  double *gradient = frame->cotangent ? frame->gradients[0] : NULL;
  for (size_t i = 0; i < count; i++) {
    const size_t prompt = i % prompts, last_rank = is_loss ? 1 : i / prompts;
    const double weight = gradient ? frame->cotangent[i] : 0;
    double d[2] = { 0, 0 };
    frame->output[i] = 0;
    if (!frame->counts || frame->counts[prompt] > last_rank) {
      const double x[2] = { arguments == 2 ? first[i] : first[i] - second[i], second[i] };
      frame->output[i] = row(x, frame->parameters, d);
      if (losskit_is_nan(frame->output[i])) return losskit_fail(error, (int64_t)prompt, "its value is not a number");
      if (weight != 0 && (self->flags & LOSSKIT_NUMERIC_GRADIENT)) losskit_differences(row, arguments, x, frame->parameters, d);
      if (weight != 0 && (losskit_is_nan(d[0]) || losskit_is_nan(d[1])))
        return losskit_fail(error, (int64_t)prompt, "its derivative is not a number");
    }
    if (!gradient) continue;
    gradient[i] = weight != 0 ? weight * d[0] : 0;
    if (is_loss) gradient[prompts + i] = weight != 0 ? weight * (arguments == 2 ? d[1] : -d[0]) : 0;
  }
  return 0;
}

/* The result of the entry function: `plugin`, or NULL for a reward that is not 0 at log-ratio 0 (policy equals reference).
 * [any thread] [borrows plugin] [returns static memory] */
static inline const losskit_plugin *losskit_export(const losskit_plugin *plugin, losskit_row_function row, losskit_error *error) {
  const losskit_component *component = plugin->components[0];
  double p[8] = { 0 }, x[2] = { 0, 0 }, d[2] = { 0, 0 };
  for (size_t i = 0; i < component->parameter_count; i++) p[i] = component->parameters[i]->initial;
  if (component->kind == LOSSKIT_LOSS || fabs(row(x, p, d)) < 1e-12) return plugin;
  losskit_fail(error, -1, "the reward of log-ratio 0 is not 0; subtract it");
  return NULL;
}

#define LOSSKIT_PAIRWISE_LOSS(function, name, ...) \
  LOSSKIT_ROW_(function(x[0], x[1] LOSSKIT_VALUES_(__VA_ARGS__), &d[0], &d[1])) \
  LOSSKIT_LOSS_(2, 0, name, __VA_ARGS__)
#define LOSSKIT_PAIRWISE_LOSS_NUMERIC(function, name, ...) \
  LOSSKIT_ROW_(function(x[0], x[1] LOSSKIT_VALUES_(__VA_ARGS__))) \
  LOSSKIT_LOSS_(2, LOSSKIT_NUMERIC_GRADIENT, name, __VA_ARGS__)
#define LOSSKIT_MARGIN_LOSS(function, name, ...) \
  LOSSKIT_ROW_(function(x[0] LOSSKIT_VALUES_(__VA_ARGS__), &d[0])) \
  LOSSKIT_LOSS_(1, LOSSKIT_SHIFT_INVARIANT, name, __VA_ARGS__)
#define LOSSKIT_MARGIN_LOSS_NUMERIC(function, name, ...) \
  LOSSKIT_ROW_(function(x[0] LOSSKIT_VALUES_(__VA_ARGS__))) \
  LOSSKIT_LOSS_(1, LOSSKIT_SHIFT_INVARIANT | LOSSKIT_NUMERIC_GRADIENT, name, __VA_ARGS__)
#define LOSSKIT_LOG_RATIO_REWARD(function, name, ...) \
  LOSSKIT_ROW_(function(x[0] LOSSKIT_VALUES_(__VA_ARGS__), &d[0])) \
  LOSSKIT_REWARD_(0, name, __VA_ARGS__)
#define LOSSKIT_LOG_RATIO_REWARD_NUMERIC(function, name, ...) \
  LOSSKIT_ROW_(function(x[0] LOSSKIT_VALUES_(__VA_ARGS__))) \
  LOSSKIT_REWARD_(LOSSKIT_NUMERIC_GRADIENT, name, __VA_ARGS__)

/* The implementation of the macro lines. Names ending in '_' are reserved for it; `...` is the summary and the
 * hyperparameters. */
#define LOSSKIT_ROW_(call) \
  static double losskit_row_(const double *x, const double *p, double *d) { \
    (void)p, (void)d; \
    return call; \
  }
#define LOSSKIT_LOSS_(arguments, flags, name, ...) \
  static const losskit_column losskit_column_ = { "reward", "implicit reward", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE }; \
  static const losskit_column *const losskit_inputs_[] = { &losskit_column_ }; \
  LOSSKIT_PLUGIN_(arguments, LOSSKIT_LOSS, flags, 2, 2, 0, "log-ratio", 1, name, __VA_ARGS__)
#define LOSSKIT_REWARD_(flags, name, ...) \
  static const losskit_column losskit_column_[] = { \
    { "policy_logp", "log-probability under the policy", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE }, \
    { "reference_logp", "log-probability under the reference", LOSSKIT_PER_RESPONSE, LOSSKIT_PER_REFERENCE } }; \
  static const losskit_column *const losskit_inputs_[] = { &losskit_column_[0], &losskit_column_[1] }; \
  LOSSKIT_PLUGIN_(1, LOSSKIT_REWARD, LOSSKIT_ZERO_AT_REFERENCE | flags, 1, UINT32_MAX, 1, NULL, 2, name, __VA_ARGS__)
#define LOSSKIT_PLUGIN_(arguments, kind, flags, least, most, references, reward, columns, name, ...) \
  static int32_t losskit_compute_(const losskit_component *self, const losskit_frame *frame, losskit_error *error) { \
    return losskit_compute_rows(self, frame, error, losskit_row_, arguments); \
  } \
  static const losskit_parameter losskit_parameter_[9] = { \
    LOSSKIT_PARAMETERS_(__VA_ARGS__) { NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL } }; \
  static const losskit_parameter *const losskit_parameters_[] = { \
    &losskit_parameter_[0], &losskit_parameter_[1], &losskit_parameter_[2], &losskit_parameter_[3], \
    &losskit_parameter_[4], &losskit_parameter_[5], &losskit_parameter_[6], &losskit_parameter_[7] }; \
  static const losskit_component losskit_component_ = { \
    kind, LOSSKIT_ROWWISE | (flags), least, most, references, references, name, LOSSKIT_PLUGIN_VERSION, LOSSKIT_FIRST_(__VA_ARGS__, 0), \
    NULL, NULL, reward, LOSSKIT_COUNT_(__VA_ARGS__), columns, 0, losskit_parameters_, losskit_inputs_, NULL, NULL, \
    losskit_compute_, NULL }; \
  static const losskit_component *const losskit_components_[] = { &losskit_component_ }; \
  static const losskit_plugin losskit_plugin_ = { 1, 0, 0, losskit_components_, NULL, NULL, NULL }; \
  const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) { \
    (void)host; \
    return losskit_export(&losskit_plugin_, losskit_row_, error); \
  }

#define LOSSKIT_FIRST_(first, ...) first
#define LOSSKIT_COUNT_(...) LOSSKIT_TENTH_(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)
#define LOSSKIT_TENTH_(a, b, c, d, e, f, g, h, i, tenth, ...) tenth
#define LOSSKIT_JOIN_(a, b) LOSSKIT_JOINED_(a, b)
#define LOSSKIT_JOINED_(a, b) a##b

/* , p[0], p[1] … one for each hyperparameter. */
#define LOSSKIT_VALUES_(...) LOSSKIT_JOIN_(LOSSKIT_VALUES_, LOSSKIT_COUNT_(__VA_ARGS__))
#define LOSSKIT_VALUES_0
#define LOSSKIT_VALUES_1 , p[0]
#define LOSSKIT_VALUES_2 LOSSKIT_VALUES_1, p[1]
#define LOSSKIT_VALUES_3 LOSSKIT_VALUES_2, p[2]
#define LOSSKIT_VALUES_4 LOSSKIT_VALUES_3, p[3]
#define LOSSKIT_VALUES_5 LOSSKIT_VALUES_4, p[4]
#define LOSSKIT_VALUES_6 LOSSKIT_VALUES_5, p[5]
#define LOSSKIT_VALUES_7 LOSSKIT_VALUES_6, p[6]
#define LOSSKIT_VALUES_8 LOSSKIT_VALUES_7, p[7]

/* { fields of the first }, { fields of the second }, … */
#define LOSSKIT_BRACED_(...) { __VA_ARGS__ },
#define LOSSKIT_PARAMETERS_(...) LOSSKIT_JOIN_(LOSSKIT_PARAMETERS_, LOSSKIT_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define LOSSKIT_PARAMETERS_0(summary)
#define LOSSKIT_PARAMETERS_1(summary, a) LOSSKIT_BRACED_ a
#define LOSSKIT_PARAMETERS_2(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_1(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_3(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_2(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_4(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_3(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_5(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_4(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_6(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_5(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_7(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_6(summary, __VA_ARGS__)
#define LOSSKIT_PARAMETERS_8(summary, a, ...) LOSSKIT_BRACED_ a LOSSKIT_PARAMETERS_7(summary, __VA_ARGS__)
#endif
