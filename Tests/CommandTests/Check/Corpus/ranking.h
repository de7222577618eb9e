/* A correct loss of rankings: beta times the sum of the squared differences of neighbors, best first. Definitions
 * before the include replace parts of it. */
#include <losskit_plugin.h>
#include <math.h>

#ifndef COUNT
#define COUNT(frame, g) ((frame)->counts ? (frame)->counts[g] : (frame)->responses)
#endif
#ifndef MORE
#define MORE 0
#endif
#ifndef BEYOND
#define BEYOND(gradient) gradient = 0
#endif

static int32_t compute(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  (void)self, (void)error;
  const size_t n = frame->prompts;
  double *gradient = frame->cotangent ? frame->gradients[0] : NULL;
  for (size_t g = 0; g < n; g++) {
    double sum = MORE;
    for (size_t k = 0; gradient && k < frame->responses; k++) {
      if (k < COUNT(frame, g)) gradient[k * n + g] = 0;
      else BEYOND(gradient[k * n + g]);
    }
    for (size_t k = 0; k + 1 < COUNT(frame, g); k++) {
      const double difference = frame->inputs[0][k * n + g] - frame->inputs[0][(k + 1) * n + g];
      sum += frame->parameters[0] * difference * difference;
      if (!gradient) continue;
      gradient[k * n + g] += 2 * frame->parameters[0] * difference * frame->cotangent[g];
      gradient[(k + 1) * n + g] -= 2 * frame->parameters[0] * difference * frame->cotangent[g];
    }
    frame->output[g] = sum;
  }
  return 0;
}

static const losskit_parameter beta = { "beta", NULL, "strength", LOSSKIT_REAL, LOSSKIT_LOWER_OPEN, 0.1, 0, INFINITY, NULL };
static const losskit_parameter *const parameters[] = { &beta };
static const losskit_column reward = { "reward", "the implicit reward", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE };
static const losskit_column *const columns[] = { &reward };
static const losskit_component subject = {
  LOSSKIT_LOSS, LOSSKIT_ROWWISE | LOSSKIT_SHIFT_INVARIANT, 1, UINT32_MAX, 0, 0, "subject", "1", "A loss to be tested.", NULL,
  NULL, "log-ratio", 1, 1, 0, parameters, columns, NULL, NULL, compute, NULL };
static const losskit_component *const components[] = { &subject };
static const losskit_plugin plugin = { 1, 0, 0, components, NULL, NULL, NULL };

const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
  (void)host, (void)error;
  return &plugin;
}
