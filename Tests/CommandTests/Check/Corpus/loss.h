/* A correct pairwise loss, -log sigmoid(beta (chosen - rejected)). Definitions before the include replace
 * parts of it. */
#include <losskit_plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef NAME
#define NAME "subject"
#endif
#ifndef SUMMARY
#define SUMMARY "A loss to be tested."
#endif
#ifndef KIND
#define KIND LOSSKIT_LOSS
#endif
#ifndef FLAGS
#define FLAGS LOSSKIT_ROWWISE | LOSSKIT_SHIFT_INVARIANT
#endif
#ifndef RESPONSES
#define RESPONSES 2, 2
#endif
#ifndef PARAMETER
#define PARAMETER { "beta", "\\beta", "strength", LOSSKIT_REAL, LOSSKIT_LOWER_OPEN | LOSSKIT_REWARD_SCALE, 0.1, 0, INFINITY, NULL }
#endif
#ifndef COLUMN
#define COLUMN { "reward", "the implicit reward", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE }
#endif
#ifndef VALUE /* of chosen c, rejected r and beta, and of the second column's s where there is one */
#define VALUE softplus(-beta * (c - r))
#endif
#ifndef SLOPE /* by the chosen reward */
#define SLOPE -beta / (1 + exp(beta * (c - r)))
#endif
#ifndef SLOPE_OF_REJECTED
#define SLOPE_OF_REJECTED -(SLOPE)
#endif
#ifndef BEFORE
#define BEFORE
#endif
#ifndef AFTER
#define AFTER
#endif
#ifndef ASSIGN
#define ASSIGN =
#endif
#ifndef WANTED
#define WANTED(frame) ((frame)->cotangent && (frame)->gradients[0])
#endif
#ifndef COMPUTE
#define COMPUTE compute
#endif
#ifndef PARAMETER_COUNT
#define PARAMETER_COUNT 1
#endif
#ifndef PARAMETERS
#define PARAMETERS parameters
#endif
#ifndef COMPONENTS
#define COMPONENTS &subject
#endif
#ifndef OBJECTIVE_COUNT
#define OBJECTIVE_COUNT 0
#define OBJECTIVES NULL
#endif
#ifndef ON_ENTRY
#define ON_ENTRY
#endif
#ifndef EXTENSION
#define EXTENSION NULL
#endif


static inline double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }

static int32_t compute(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  (void)self, (void)error;
  const size_t n = frame->prompts;
  const double *rewards = frame->inputs[0];
  BEFORE;
  for (size_t g = 0; g < n; g++) {
    const double c = rewards[g], r = rewards[n + g], beta = frame->parameters[0];
#ifdef SECOND_COLUMN
    const double s = frame->inputs[1][g];
    (void)s;
#endif
    (void)c, (void)r, (void)beta;
    frame->output[g] = VALUE;
    if (!WANTED(frame)) continue;
    frame->gradients[0][g] ASSIGN frame->cotangent[g] * (SLOPE);
    frame->gradients[0][n + g] ASSIGN frame->cotangent[g] * (SLOPE_OF_REJECTED);
  }
  AFTER;
  return 0;
}

static const losskit_parameter parameter = PARAMETER;
static const losskit_parameter *const parameters[] = { &parameter, &parameter };
static const losskit_column column = COLUMN;
#ifdef SECOND_COLUMN
static const losskit_column second_column = SECOND_COLUMN;
static const losskit_column *const columns[] = { &column, &second_column };
#else
static const losskit_column *const columns[] = { &column };
#endif

#ifdef FORMULA
static const losskit_formula_node nodes[] = { FORMULA };
#ifndef FORMULA_OUTPUT
#define FORMULA_OUTPUT sizeof nodes / sizeof nodes[0] - 1
#endif
static int32_t trace(const losskit_component *self, size_t responses, size_t references, const double *values,
                     void (*receive)(void *, const losskit_formula *), void *context, losskit_error *error) {
  (void)self, (void)responses, (void)references, (void)values, (void)error;
  const uint32_t outputs[] = { FORMULA_OUTPUT };
  const losskit_formula formula = { LOSSKIT_PER_PROMPT, sizeof nodes / sizeof nodes[0], 1, nodes, outputs, NULL };
  receive(context, &formula);
  return 0;
}
static const losskit_formula_extension_v1 formulas = { trace };
static const void *extend(const losskit_component *self, const char *id) {
  (void)self;
  return strcmp(id, "losskit.formula/1") == 0 ? &formulas : NULL;
}
#undef EXTENSION
#define EXTENSION extend
#endif

static const losskit_component subject = {
  KIND, FLAGS, RESPONSES, 0, 0, NAME, "1", SUMMARY, NULL, NULL, "log-ratio",
  PARAMETER_COUNT, sizeof columns / sizeof columns[0], 0, PARAMETERS, columns, NULL, NULL, COMPUTE, EXTENSION };
static const losskit_component *const components[] = { COMPONENTS };
static const losskit_plugin plugin = { sizeof components / sizeof components[0], 0, OBJECTIVE_COUNT, components, NULL, OBJECTIVES, NULL };

#ifndef NO_ENTRY
const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
  (void)host, (void)error;
  ON_ENTRY;
  return &plugin;
}
#endif
