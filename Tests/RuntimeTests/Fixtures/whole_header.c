/* A plugin in C that uses every part of losskit_plugin.h that components can: for CPluginTests. */
#include <losskit_plugin.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int32_t fail(losskit_error *error, int64_t prompt, const char *message) {
  if (error != NULL) {
    error->prompt = prompt;
    snprintf(error->message, sizeof error->message, "%s", message);
  }
  return 1;
}

/* ---- a loss that couples the batch, keeps a state, draws random numbers and has a parameter of each type ----- */

static double noise(uint64_t seed, size_t row) {
  uint64_t z = seed + 0x9E3779B97F4A7C15u * (row + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* weight * max(0, margin - beta (r_w - r_l) + anchor), where anchor is the running mean of beta (r_w - r_l), this batch
 * included, and weight is 1, or 1 plus a random number. No gradient flows through the anchor. */
static int32_t coupled(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  (void)self;
  const size_t count = frame->prompts;
  const double beta = frame->parameters[0], power = frame->parameters[1];
  const int is_random = frame->parameters[2] != 0, is_squared = frame->parameters[3] != 0;
  const double *reward = frame->inputs[0], *margin = frame->inputs[1];
  double sum = 0;
  for (size_t g = 0; g < count; g++) {
    if (reward[g] > 1e6) return fail(error, (int64_t)g, "the reward of a chosen response is above a million");
    sum += beta * (reward[g] - reward[count + g]);
  }
  if (count > 0) {
    frame->state[1] += 1;
    frame->state[0] += (sum / (double)count - frame->state[0]) / frame->state[1];
  }
  for (size_t g = 0; g < count; g++) {
    const double weight = pow(is_random ? 1 + noise(frame->seed, g) : 1, power);
    const double z = (margin != NULL ? margin[g] : 1) - beta * (reward[g] - reward[count + g]) + frame->state[0];
    const double active = z > 0 ? z : 0;
    frame->output[g] = weight * (is_squared ? active * active : active);
    if (frame->cotangent != NULL && frame->gradients[0] != NULL) {
      const double slope = z > 0 ? (is_squared ? 2 * z : 1) : 0;
      frame->gradients[0][g] = -frame->cotangent[g] * weight * beta * slope;
      frame->gradients[0][count + g] = -frame->gradients[0][g];
    }
  }
  return 0;
}

static const char *const shapes[] = {"linear", "squared"};
static const losskit_parameter beta = {"beta", "\\beta", "strength", LOSSKIT_REAL, LOSSKIT_LOWER_OPEN | LOSSKIT_REWARD_SCALE,
                                       0.5, 0, INFINITY, NULL};
static const losskit_parameter power = {"power", NULL, "of the weight", LOSSKIT_INTEGER, 0, 1, 0, 3, NULL};
static const losskit_parameter randomly = {"random", NULL, "draw weights", LOSSKIT_BOOLEAN, 0, 0, 0, 1, NULL};
static const losskit_parameter shape = {"shape", NULL, "of the hinge", LOSSKIT_CHOICE, 0, 0, 0, 1, shapes};
static const losskit_parameter *const parameters[] = {&beta, &power, &randomly, &shape};
static const losskit_column reward_column = {"reward", "the implicit reward", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE};
static const losskit_column margin_column = {"margin", "the wanted margin", LOSSKIT_PER_PROMPT, LOSSKIT_OPTIONAL};
static const losskit_column *const coupled_inputs[] = {&reward_column, &margin_column};
static const losskit_state mean_state = {"mean", 0}, count_state = {"count", 0};
static const losskit_state *const states[] = {&mean_state, &count_state};
static const losskit_component coupled_component = {
    LOSSKIT_LOSS, LOSSKIT_SHIFT_INVARIANT, 2, 2, 0, UINT32_MAX, "coupled-hinge", "0.1", "A hinge against a running mean.",
    "Nobody, 2024", NULL, "two-references", 4, 2, 2, parameters, coupled_inputs, states, NULL, coupled, NULL};

/* ---- a reward of two references, with its formula ------------------------------------------------------------- */

static int32_t two_references(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  (void)self;
  if (frame->references < 2) return fail(error, -1, "two references are needed");
  const size_t rows = frame->prompts * frame->responses;
  for (size_t row = 0; row < rows; row++) {
    const int is_there = frame->counts == NULL || row / frame->prompts < frame->counts[row % frame->prompts];
    frame->output[row] =
        is_there ? frame->inputs[0][row] - (frame->inputs[1][row] + frame->inputs[1][rows + row]) / 2 : 0;
    if (frame->cotangent != NULL && frame->gradients[0] != NULL) frame->gradients[0][row] = is_there ? frame->cotangent[row] : 0;
  }
  return 0;
}

static int32_t trace(const losskit_component *self, size_t responses, size_t references, const double *values,
                     void (*receive)(void *context, const losskit_formula *formula), void *context, losskit_error *error) {
  (void)self, (void)references, (void)values;
  if (responses > 8) return fail(error, -1, "rankings of more than 8 are not written down");
  losskit_formula_node nodes[1 + 6 * 8] = {{LOSSKIT_OP_CONSTANT, 0, 0, 0, 2}};
  uint32_t outputs[8], count = 1;
  for (uint32_t k = 0; k < responses; k++) {
    nodes[count] = (losskit_formula_node){LOSSKIT_OP_INPUT, 0, k, 0, 0};
    nodes[count + 1] = (losskit_formula_node){LOSSKIT_OP_INPUT, 1, k, 0, 0};
    nodes[count + 2] = (losskit_formula_node){LOSSKIT_OP_INPUT, 1, (uint32_t)responses + k, 0, 0};
    nodes[count + 3] = (losskit_formula_node){LOSSKIT_OP_ADD, count + 1, count + 2, 0, 0};
    nodes[count + 4] = (losskit_formula_node){LOSSKIT_OP_DIVIDE, count + 3, 0, 0, 0};
    nodes[count + 5] = (losskit_formula_node){LOSSKIT_OP_SUBTRACT, count, count + 4, 0, 0};
    outputs[k] = count + 5;
    count += 6;
  }
  const losskit_formula formula = {LOSSKIT_PER_PROMPT, count, responses, nodes, outputs, NULL};
  receive(context, &formula);
  return 0;
}

static const losskit_formula_extension_v1 formula_extension = {trace};

static const void *extension(const losskit_component *self, const char *id) {
  (void)self;
  return strcmp(id, "losskit.formula/1") == 0 ? &formula_extension : NULL;
}

static const losskit_column policy_column = {"policy_logp", "of the policy", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE};
static const losskit_column reference_column = {"reference_logp", "of each reference", LOSSKIT_PER_RESPONSE,
                                                LOSSKIT_PER_REFERENCE};
static const losskit_column *const reward_inputs[] = {&policy_column, &reference_column};
static const losskit_component reward_component = {
    LOSSKIT_REWARD, LOSSKIT_ROWWISE | LOSSKIT_ZERO_AT_REFERENCE, 1, UINT32_MAX, 2, 2, "two-references", "0.1",
    "The log-ratio to the geometric mean of two references.", NULL, "More words.", NULL, 0, 2, 0, NULL, reward_inputs, NULL,
    NULL, two_references, extension};

/* ---- a listwise loss of rankings of different length, whose context says how it is scaled ----------------------- */

static const double scale = 3;

/* scale times the variance of the rewards of a prompt's own responses. */
static int32_t spread(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  (void)error;
  const double factor = *(const double *)self->context;
  const size_t stride = frame->prompts;
  for (size_t g = 0; g < frame->prompts; g++) {
    const size_t count = frame->counts != NULL ? frame->counts[g] : frame->responses;
    double mean = 0, sum = 0;
    for (size_t k = 0; k < count; k++) mean += frame->inputs[0][k * stride + g] / (double)count;
    for (size_t k = 0; k < count; k++) sum += pow(frame->inputs[0][k * stride + g] - mean, 2);
    frame->output[g] = factor * sum / (double)count;
    if (frame->cotangent == NULL || frame->gradients[0] == NULL) continue;
    for (size_t k = 0; k < frame->responses; k++) {
      const double difference = k < count ? frame->inputs[0][k * stride + g] - mean : 0;
      frame->gradients[0][k * stride + g] = frame->cotangent[g] * factor * 2 * difference / (double)count;
    }
  }
  return 0;
}

static const losskit_column *const spread_inputs[] = {&reward_column};
static const losskit_component spread_component = {
    LOSSKIT_LOSS, LOSSKIT_ROWWISE | LOSSKIT_SHIFT_INVARIANT, 2, UINT32_MAX, 0, UINT32_MAX, "spread", "0.1",
    "The variance of the rewards.", NULL, NULL, "two-references", 0, 1, 0, NULL, spread_inputs, NULL, &scale, spread, NULL};

/* ---- the plugin ------------------------------------------------------------------------------------------------ */

static const losskit_objective objective = {"coupled-pair", "0.1", "Both parts under a name.", NULL, NULL,
                                            "2*coupled-hinge(beta=0.25) @ two-references"};
static const losskit_component *const components[] = {&coupled_component, &reward_component, &spread_component};
static const losskit_objective *const objectives[] = {&objective};
static const losskit_plugin plugin = {3, 0, 1, components, NULL, objectives, NULL};

const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
  if (host == NULL || host->name == NULL || host->version == NULL) {
    fail(error, -1, "the host does not say who it is");
    return NULL;
  }
  return &plugin;
}
