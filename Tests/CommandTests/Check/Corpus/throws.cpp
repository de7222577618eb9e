/* returns: a C++ exception in every call */
#include <losskit_plugin.h>
#include <stdexcept>

static int32_t compute(const losskit_component *, const losskit_frame *, losskit_error *) {
  throw std::runtime_error("a loss of patience");
}
static const losskit_column reward = { "reward", "the implicit reward", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE };
static const losskit_column *const columns[] = { &reward };
static const losskit_component subject = {
  LOSSKIT_LOSS, LOSSKIT_ROWWISE, 2, 2, 0, 0, "subject", "1", "A loss to be tested.", nullptr, nullptr, "log-ratio", 0, 1, 0,
  nullptr, columns, nullptr, nullptr, compute, nullptr };
static const losskit_component *const components[] = { &subject };
static const losskit_plugin plugin = { 1, 0, 0, components, nullptr, nullptr, nullptr };

const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *, losskit_error *) { return &plugin; }
