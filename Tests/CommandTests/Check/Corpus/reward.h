/* A correct parameterization: the log-ratio. Definitions before the include replace parts of it. */
#include <losskit_plugin.h>

#ifndef OFFSET
#define OFFSET 0
#endif
#ifndef BEYOND
#define BEYOND 0
#endif

static int32_t compute(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  (void)self, (void)error;
  const size_t n = frame->prompts;
  for (size_t i = 0; i < n * frame->responses; i++) {
    const int is_there = !frame->counts || i / n < frame->counts[i % n];
    frame->output[i] = is_there ? frame->inputs[0][i] - frame->inputs[1][i] + OFFSET : BEYOND;
    if (frame->cotangent && frame->gradients[0]) frame->gradients[0][i] = is_there ? frame->cotangent[i] : 0;
  }
  return 0;
}

static const losskit_column policy = { "policy_logp", "of the policy", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE };
static const losskit_column reference = { "reference_logp", "of a reference", LOSSKIT_PER_RESPONSE, LOSSKIT_PER_REFERENCE };
static const losskit_column *const columns[] = { &policy, &reference };
static const losskit_component subject = {
  LOSSKIT_REWARD, LOSSKIT_ROWWISE | LOSSKIT_ZERO_AT_REFERENCE, 1, UINT32_MAX, 1, 1, "subject", "1", "A reward to be tested.",
  NULL, NULL, NULL, 0, 2, 0, NULL, columns, NULL, NULL, compute, NULL };
static const losskit_component *const components[] = { &subject };
static const losskit_plugin plugin = { 1, 0, 0, components, NULL, NULL, NULL };

const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
  (void)host, (void)error;
  return &plugin;
}
