/* A plugin in C that uses all of losskit_plugin.h that components, objectives and formulas can; policy.c uses the rest. */
#include <losskit_plugin.h>
#include <math.h>
#include <string.h>

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
    if (reward[g] > 1e6) return losskit_fail(error, (int64_t)g, "the reward of a chosen response is above a million");
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
static const losskit_parameter beta = {
    .name = "beta", .symbol = "\\beta", .summary = "strength", .type = LOSSKIT_REAL,
    .flags = LOSSKIT_LOWER_OPEN | LOSSKIT_REWARD_SCALE, .initial = 0.5, .lower = 0, .upper = INFINITY};
static const losskit_parameter power = {.name = "power", .summary = "of the weight", .type = LOSSKIT_INTEGER, .initial = 1, .upper = 3};
static const losskit_parameter randomly = {.name = "random", .summary = "draw weights", .type = LOSSKIT_BOOLEAN, .upper = 1};
static const losskit_parameter shape = {
    .name = "shape", .summary = "of the hinge", .type = LOSSKIT_CHOICE, .upper = 1, .choices = shapes};
static const losskit_parameter *const parameters[] = {&beta, &power, &randomly, &shape};
static const losskit_column reward_column = {
    .name = "reward", .summary = "the implicit reward", .extent = LOSSKIT_PER_RESPONSE, .flags = LOSSKIT_DIFFERENTIABLE};
static const losskit_column margin_column = {"margin", "the wanted margin", LOSSKIT_PER_PROMPT, LOSSKIT_OPTIONAL};
static const losskit_column *const coupled_inputs[] = {&reward_column, &margin_column};
static const losskit_state mean_state = {.name = "mean", .initial = 0}, count_state = {"count", 0};
static const losskit_state *const states[] = {&mean_state, &count_state};
static const losskit_component coupled_component = {
    .kind = LOSSKIT_LOSS, .flags = LOSSKIT_SHIFT_INVARIANT, .min_responses = 2, .max_responses = 2, .min_references = 0,
    .max_references = UINT32_MAX, .name = "coupled-hinge", .version = "0.1", .summary = "A hinge against a running mean.",
    .citation = "Nobody, 2024", .documentation = "More words.", .default_reward = "two-references", .parameter_count = 4,
    .input_count = 2, .state_count = 2, .parameters = parameters, .inputs = coupled_inputs, .state = states, .context = NULL,
    .compute = coupled, .extension = NULL};

/* ---- formulas ---------------------------------------------------------------------------------------------------- */

typedef struct nodes {
  losskit_formula_node list[128];
  uint32_t count;
} nodes;

/* Adds a node and returns its index. */
static uint32_t add(nodes *made, uint32_t operation, uint32_t a, uint32_t b, uint32_t c) {
  made->list[made->count] = (losskit_formula_node){.operation = operation, .a = a, .b = b, .c = c, .value = 0};
  return made->count++;
}

static uint32_t constant(nodes *made, double value) {
  const uint32_t index = add(made, LOSSKIT_OP_CONSTANT, 0, 0, 0);
  made->list[index].value = value;
  return index;
}

/* ---- a reward of two references, with its formula ------------------------------------------------------------- */

static int32_t two_references(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  (void)self;
  if (frame->references < 2) return losskit_fail(error, -1, "two references are needed");
  const size_t rows = frame->prompts * frame->responses;
  for (size_t row = 0; row < rows; row++) {
    const int is_there = frame->counts == NULL || row / frame->prompts < frame->counts[row % frame->prompts];
    frame->output[row] =
        is_there ? frame->inputs[0][row] - (frame->inputs[1][row] + frame->inputs[1][rows + row]) / 2 : 0;
    if (frame->cotangent != NULL && frame->gradients[0] != NULL) frame->gradients[0][row] = is_there ? frame->cotangent[row] : 0;
  }
  return 0;
}

static int32_t trace_two(const losskit_component *self, size_t responses, size_t references, const double *values,
                         void (*receive)(void *context, const losskit_formula *formula), void *context, losskit_error *error) {
  (void)self, (void)references, (void)values;
  if (responses > 8) return losskit_fail(error, -1, "rankings of more than 8 are not written down");
  nodes made = {.count = 0};
  uint32_t outputs[8];
  const uint32_t two = constant(&made, 2);
  for (uint32_t k = 0; k < responses; k++) {
    const uint32_t policy = add(&made, LOSSKIT_OP_INPUT, 0, k, 0), first = add(&made, LOSSKIT_OP_INPUT, 1, k, 0);
    const uint32_t second = add(&made, LOSSKIT_OP_INPUT, 1, (uint32_t)responses + k, 0);
    const uint32_t mean = add(&made, LOSSKIT_OP_DIVIDE, add(&made, LOSSKIT_OP_ADD, first, second, 0), two, 0);
    outputs[k] = add(&made, LOSSKIT_OP_SUBTRACT, policy, mean, 0);
  }
  const losskit_formula formula = {
      .rows = LOSSKIT_PER_PROMPT, .node_count = made.count, .output_count = responses, .nodes = made.list, .outputs = outputs};
  receive(context, &formula);
  return 0;
}

static const losskit_formula_extension_v1 two_formula = {.trace = trace_two};

static const void *two_extension(const losskit_component *self, const char *id) {
  (void)self;
  return strcmp(id, "losskit.formula/1") == 0 ? &two_formula : NULL;
}

static const losskit_column policy_column = {"policy_logp", "of the policy", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE};
static const losskit_column reference_column = {"reference_logp", "of each reference", LOSSKIT_PER_RESPONSE,
                                                LOSSKIT_PER_REFERENCE};
static const losskit_column *const reward_inputs[] = {&policy_column, &reference_column};
static const losskit_component reward_component = {
    LOSSKIT_REWARD, LOSSKIT_ROWWISE | LOSSKIT_ZERO_AT_REFERENCE, 1, UINT32_MAX, 2, 2, "two-references", "0.1",
    "The log-ratio to the geometric mean of two references.", NULL, "More words.", NULL, 0, 2, 0, NULL, reward_inputs, NULL,
    NULL, two_references, two_extension};

/* ---- a listwise loss of rankings of different lengths, whose context is its scale ------------------------------- */

static const double scale = 3;

/* scale times the variance of the rewards of a prompt's responses. */
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

static const losskit_column *const loss_inputs[] = {&reward_column};
static const losskit_component spread_component = {
    LOSSKIT_LOSS, LOSSKIT_ROWWISE | LOSSKIT_SHIFT_INVARIANT, 2, UINT32_MAX, 0, UINT32_MAX, "spread", "0.1",
    "The variance of the rewards.", NULL, NULL, "two-references", 0, 1, 0, NULL, loss_inputs, NULL, &scale, spread, NULL};

/* ---- a loss of every operation per prompt, written as C and as a formula ------------------------------------------ */

/* The sum of all operations of a margin m, and its slope. */
static double operations(double m, double *slope) {
  const double t = 1 + m * m, s = losskit_sigmoid(m);
  *slope = (m < 1) + (m > -1) - 1 - 2 * m * exp(-t) - 2 * m * exp(-t) + 2 * m / t + 2 * m / t + m / sqrt(t) +
           (1 - tanh(m) * tanh(m)) + s * (1 - s) + (1 - s) + s + 2 * m * exp(-t) / (1 - exp(-t)) + (m > 0) - (m < 0) + (m > 0) +
           (m > 0 ? 2 : 3) + (fabs(m) < 2);
  return fmin(m, 1) + fmax(m, -1) - m + exp(-t) + expm1(-t) + log(t) + log1p(m * m) + sqrt(t) + tanh(m) + s +
         losskit_log_sigmoid(m) - losskit_log_sigmoid(-m) + log(1 - exp(-t)) + fabs(m) + fmax(m, 0) + floor(m) + m +
         (m > 0 ? 2 * m : 3 * m) + fmin(fmax(m, -2), 2);
}

/* operations(m) + the mean of m + the m whose rank among all m is the prompt's index + prompt / G + the number of earlier calls,
 * m = beta (r_w - r_l); no gradient flows through the middle three. */
static int32_t every_operation(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  (void)self, (void)error;
  const size_t count = frame->prompts;
  const double beta = frame->parameters[0], *reward = frame->inputs[0];
  for (size_t g = 0; g < count; g++) frame->output[g] = 0;
  double mean = 0;
  for (size_t g = 0; g < count; g++) {
    const double m = beta * (reward[g] - reward[count + g]);
    size_t place = 0;
    for (size_t i = 0; i < count; i++) {
      const double other = beta * (reward[i] - reward[count + i]);
      place += other < m || (other == m && i < g);
    }
    frame->output[place] += m;
    mean += m / (double)count;
  }
  for (size_t g = 0; g < count; g++) {
    double slope;
    frame->output[g] += operations(beta * (reward[g] - reward[count + g]), &slope);
    frame->output[g] += mean + (double)g / (double)count + frame->state[0];
    if (frame->cotangent == NULL || frame->gradients[0] == NULL) continue;
    frame->gradients[0][g] = frame->cotangent[g] * beta * slope;
    frame->gradients[0][count + g] = -frame->gradients[0][g];
  }
  if (count > 0) frame->state[0] += 1;
  return 0;
}

static int32_t trace_every(const losskit_component *self, size_t responses, size_t references, const double *values,
                           void (*receive)(void *context, const losskit_formula *formula), void *context, losskit_error *error) {
  (void)self, (void)responses, (void)references, (void)values, (void)error;
  nodes made = {.count = 0};
  nodes *to = &made;
  const uint32_t zero = constant(to, 0), one = constant(to, 1), two = constant(to, 2), three = constant(to, 3);
  const uint32_t below = constant(to, -2), least = constant(to, -1);
  const uint32_t chosen = add(to, LOSSKIT_OP_INPUT, 0, 0, 0), rejected = add(to, LOSSKIT_OP_INPUT, 0, 1, 0);
  const uint32_t beta = add(to, LOSSKIT_OP_PARAMETER, 0, 0, 0), calls = add(to, LOSSKIT_OP_STATE, 0, 0, 0);
  const uint32_t m = add(to, LOSSKIT_OP_MULTIPLY, beta, add(to, LOSSKIT_OP_SUBTRACT, chosen, rejected, 0), 0);
  const uint32_t square = add(to, LOSSKIT_OP_SQUARE, m, 0, 0), t = add(to, LOSSKIT_OP_ADD, one, square, 0);
  const uint32_t minus_t = add(to, LOSSKIT_OP_NEGATE, t, 0, 0), constant_m = add(to, LOSSKIT_OP_STOP_GRADIENT, m, 0, 0);
  const uint32_t index = add(to, LOSSKIT_OP_ROW_INDEX, 0, 0, 0), count = add(to, LOSSKIT_OP_BATCH_COUNT, 0, 0, 0);
  const uint32_t terms[] = {
      add(to, LOSSKIT_OP_MINIMUM, m, one, 0),
      add(to, LOSSKIT_OP_MAXIMUM, m, least, 0),
      add(to, LOSSKIT_OP_NEGATE, m, 0, 0),
      add(to, LOSSKIT_OP_EXP, minus_t, 0, 0),
      add(to, LOSSKIT_OP_EXPM1, minus_t, 0, 0),
      add(to, LOSSKIT_OP_LOG, t, 0, 0),
      add(to, LOSSKIT_OP_LOG1P, square, 0, 0),
      add(to, LOSSKIT_OP_SQRT, t, 0, 0),
      add(to, LOSSKIT_OP_TANH, m, 0, 0),
      add(to, LOSSKIT_OP_SIGMOID, m, 0, 0),
      add(to, LOSSKIT_OP_LOG_SIGMOID, m, 0, 0),
      add(to, LOSSKIT_OP_SOFTPLUS, m, 0, 0),
      add(to, LOSSKIT_OP_LOG1MEXP, minus_t, 0, 0),
      add(to, LOSSKIT_OP_ABS, m, 0, 0),
      add(to, LOSSKIT_OP_RELU, m, 0, 0),
      add(to, LOSSKIT_OP_FLOOR, m, 0, 0),
      constant_m,
      add(to, LOSSKIT_OP_SELECT, m, add(to, LOSSKIT_OP_MULTIPLY, two, m, 0), add(to, LOSSKIT_OP_MULTIPLY, three, m, 0)),
      add(to, LOSSKIT_OP_CLAMP, m, below, two),
      add(to, LOSSKIT_OP_BATCH_MEAN, constant_m, 0, 0),
      add(to, LOSSKIT_OP_BATCH_SORTED, constant_m, 0, 0),
      add(to, LOSSKIT_OP_DIVIDE, index, count, 0),
      add(to, LOSSKIT_OP_FLOOR, add(to, LOSSKIT_OP_UNIFORM, 7, 0, 0), 0, 0), /* 0 */
      calls,
  };
  uint32_t sum = zero;
  for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) sum = add(to, LOSSKIT_OP_ADD, sum, terms[i], 0);
  const uint32_t after = add(to, LOSSKIT_OP_ADD, calls, one, 0);
  const losskit_formula formula = {
      .rows = LOSSKIT_PER_PROMPT, .node_count = made.count, .output_count = 1, .nodes = made.list, .outputs = &sum,
      .state_outputs = &after};
  receive(context, &formula);
  return 0;
}

static const losskit_formula_extension_v1 every_formula = {trace_every};

static const void *every_extension(const losskit_component *self, const char *id) {
  (void)self;
  return strcmp(id, "losskit.formula/1") == 0 ? &every_formula : NULL;
}

static const losskit_state calls_state = {"calls", 0};
static const losskit_state *const calls_states[] = {&calls_state};
static const losskit_component every_component = {
    LOSSKIT_LOSS, LOSSKIT_SHIFT_INVARIANT, 2, 2, 0, UINT32_MAX, "every-operation", "0.1", "All operations per prompt.", NULL, NULL,
    "two-references", 1, 1, 1, parameters, loss_inputs, calls_states, NULL, every_operation, every_extension};

/* ---- a reward of every operation per token ------------------------------------------------------------------------ */

/* The sum over a response's tokens of (log pi - log pi_ref) (1 + index) / n times the length of the prompt's shortest response. */
static int32_t weighted_tokens(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  (void)self, (void)error;
  const size_t *offsets = frame->token_offsets;
  for (size_t row = 0; row < frame->prompts * frame->responses; row++) {
    const size_t g = row % frame->prompts, count = frame->counts != NULL ? frame->counts[g] : frame->responses;
    size_t shortest = SIZE_MAX;
    for (size_t k = 0; k < count; k++) {
      const size_t length = offsets[k * frame->prompts + g + 1] - offsets[k * frame->prompts + g];
      if (length < shortest) shortest = length;
    }
    frame->output[row] = 0;
    for (size_t token = offsets[row]; token < offsets[row + 1]; token++) {
      const int is_there = row / frame->prompts < count;
      const double weight =
          is_there ? (double)((1 + token - offsets[row]) * shortest) / (double)(offsets[row + 1] - offsets[row]) : 0;
      if (is_there) frame->output[row] += weight * (frame->inputs[0][token] - frame->inputs[1][token]);
      if (frame->cotangent != NULL && frame->gradients[0] != NULL) frame->gradients[0][token] = weight * frame->cotangent[row];
    }
  }
  return 0;
}

static int32_t trace_tokens(const losskit_component *self, size_t responses, size_t references, const double *values,
                            void (*receive)(void *context, const losskit_formula *formula), void *context, losskit_error *error) {
  (void)self, (void)responses, (void)references, (void)values, (void)error;
  nodes made = {.count = 0};
  nodes *to = &made;
  const uint32_t zero = constant(to, 0), one = constant(to, 1);
  const uint32_t policy = add(to, LOSSKIT_OP_INPUT, 0, 0, 0), reference = add(to, LOSSKIT_OP_INPUT, 1, 0, 0);
  const uint32_t place = add(to, LOSSKIT_OP_ADD, one, add(to, LOSSKIT_OP_TOKEN_INDEX, 0, 0, 0), 0);
  const uint32_t length = add(to, LOSSKIT_OP_TOKEN_COUNT, 0, 0, 0), shortest = add(to, LOSSKIT_OP_TOKEN_SHORTEST, 0, 0, 0);
  const uint32_t weight = add(to, LOSSKIT_OP_DIVIDE, add(to, LOSSKIT_OP_MULTIPLY, place, shortest, 0), length, 0);
  /* An index in a random order is below the length, so this is 1. */
  const uint32_t ahead = add(to, LOSSKIT_OP_SUBTRACT, length, add(to, LOSSKIT_OP_TOKEN_RANDOM_RANK, 3, 0, 0), 0);
  const uint32_t drawn = add(to, LOSSKIT_OP_SELECT, ahead, one, zero);
  const uint32_t difference = add(to, LOSSKIT_OP_SUBTRACT, policy, reference, 0);
  const uint32_t output = add(to, LOSSKIT_OP_MULTIPLY, add(to, LOSSKIT_OP_MULTIPLY, weight, drawn, 0), difference, 0);
  const losskit_formula formula = {
      .rows = LOSSKIT_PER_TOKEN, .node_count = made.count, .output_count = 1, .nodes = made.list, .outputs = &output};
  receive(context, &formula);
  return 0;
}

static const losskit_formula_extension_v1 tokens_formula = {trace_tokens};

static const void *tokens_extension(const losskit_component *self, const char *id) {
  (void)self;
  return strcmp(id, "losskit.formula/1") == 0 ? &tokens_formula : NULL;
}

static const losskit_column policy_tokens = {"policy_token_logp", "of the policy", LOSSKIT_PER_TOKEN, LOSSKIT_DIFFERENTIABLE};
static const losskit_column reference_tokens = {"reference_token_logp", "of the reference", LOSSKIT_PER_TOKEN,
                                                LOSSKIT_PER_REFERENCE};
static const losskit_column *const token_inputs[] = {&policy_tokens, &reference_tokens};
static const losskit_component tokens_component = {
    LOSSKIT_REWARD, LOSSKIT_ROWWISE | LOSSKIT_ZERO_AT_REFERENCE, 1, UINT32_MAX, 1, 1, "weighted-tokens", "0.1",
    "Log-ratios of tokens, the later the heavier.", NULL, NULL, NULL, 0, 2, 0, NULL, token_inputs, NULL, NULL, weighted_tokens,
    tokens_extension};

/* ---- a loss of one row, whose gradient is a difference --------------------------------------------------------- */

static double logistic_row(const double *x, const double *p, double *d) {
  (void)d;
  return -losskit_log_sigmoid(p[0] * (x[0] - x[1]));
}

static int32_t logistic(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
  const losskit_row_function row = logistic_row;
  const double x[2] = {1, 1}, p[1] = {2};
  double d[2];
  losskit_differences(row, 2, x, p, d);
  if (fabs(d[0] + 1) > 1e-9 || fabs(d[1] - 1) > 1e-9) return losskit_fail(error, -1, "differences are wrong");
  return losskit_compute_rows(self, frame, error, row, 2);
}

static const losskit_component logistic_component = {
    LOSSKIT_LOSS, LOSSKIT_ROWWISE | LOSSKIT_NUMERIC_GRADIENT, 2, 2, 0, 0, "numeric-logistic", "0.1", "DPO, by differences.", NULL,
    NULL, "log-ratio", 1, 1, 0, parameters, loss_inputs, NULL, NULL, logistic, NULL};

/* ---- the plugin ------------------------------------------------------------------------------------------------ */

static const void *plugin_extension(const char *id) {
  (void)id;
  return NULL;
}

static const losskit_objective objective = {
    .name = "coupled-pair", .version = "0.1", .summary = "Both parts under a name.", .citation = NULL, .documentation = NULL,
    .expression = "2*coupled-hinge(beta=0.25) @ two-references"};
static const losskit_component *const components[] = {&coupled_component, &reward_component, &spread_component,
                                                      &every_component,   &tokens_component, &logistic_component};
static const losskit_objective *const objectives[] = {&objective};
static const losskit_plugin plugin = {
    .component_count = 6, .policy_count = 0, .objective_count = 1, .components = components, .policies = NULL,
    .objectives = objectives, .extension = plugin_extension};

const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
  if (host == NULL || host->name == NULL || host->version == NULL) {
    losskit_fail(error, -1, "the host does not say who it is");
    return NULL;
  }
  if (host->extension != NULL && host->extension("nobody.has/1") != NULL) {
    losskit_fail(error, -1, "the host has an extension that nobody knows");
    return NULL;
  }
  return losskit_export(&plugin, logistic_row, error);
}
