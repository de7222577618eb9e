/* A batch whose responses stand prompt by prompt has the results of the rank-major one, to the bit: losses, rewards, gradients, metrics
 * and state. The arguments are names of objectives. */
#include "check.h"
#include <stdint.h>

enum { PROMPTS = 7, MOST = 4, REFERENCES = 2, ROWS = PROMPTS * MOST, TOKENS = 4 * ROWS, COLUMNS = 16, METRICS = 16, STATE = 16 };

/* A layout of the batch: the row of each response, and where the rows' tokens start. */
typedef struct layout {
  int is_ragged;
  size_t rows, row[PROMPTS][MOST], offsets[ROWS + 1];
} layout;

typedef struct outcome {
  double loss[PROMPTS], rewards[ROWS], mean, state[STATE], gradients[COLUMNS][REFERENCES * TOKENS];
  losskit_metric metrics[METRICS];
  size_t metric_count;
} outcome;

static uint32_t counts[PROMPTS];
static losskit_objective_info info;
static losskit_column_info columns[COLUMNS];

static size_t tokens_of(size_t prompt, size_t rank) { return (prompt + 2 * rank) % 4; }

static void lay(layout *layout, int is_ragged, size_t responses) {
  memset(layout, 0, sizeof *layout);
  layout->is_ragged = is_ragged;
  for (size_t prompt = 0; prompt < PROMPTS; prompt++)
    for (size_t rank = 0; rank < counts[prompt]; rank++) layout->row[prompt][rank] = is_ragged ? layout->rows++ : rank * PROMPTS + prompt;
  if (!is_ragged) layout->rows = PROMPTS * responses;
  size_t lengths[ROWS] = {0};
  for (size_t prompt = 0; prompt < PROMPTS; prompt++)
    for (size_t rank = 0; rank < counts[prompt]; rank++) lengths[layout->row[prompt][rank]] = tokens_of(prompt, rank);
  for (size_t row = 0; row < layout->rows; row++) layout->offsets[row + 1] = layout->offsets[row] + lengths[row];
}

static double value_of(const char *name, size_t prompt, size_t rank, size_t reference, size_t token) {
  const double noise = (double)((prompt * 31 + rank * 17 + reference * 7 + token * 5 + strlen(name) * 3) % 23) / 23;
  if (strcmp(name, "token_count") == 0) return (double)tokens_of(prompt, rank);
  if (strcmp(name, "label") == 0) return (double)(prompt % 2);
  if (strstr(name, "score")) return 3 - (double)rank + noise / 2;
  if (strstr(name, "probability")) return 0.25 + noise / 2;
  return -1 - 3 * noise;
}

static size_t count_of(const losskit_column_info *column, const layout *layout) {
  if (column->extent == LOSSKIT_COLUMN_PER_PROMPT) return PROMPTS;
  return column->extent == LOSSKIT_COLUMN_PER_RESPONSE ? layout->rows : layout->offsets[layout->rows];
}

/* Calls a function with the place of each entry of a column. */
static void each(const losskit_column_info *column, const layout *layout, void (*visit)(size_t, double, void *), void *context) {
  const size_t references = column->flags & LOSSKIT_COLUMN_PER_REFERENCE ? REFERENCES : 1, count = count_of(column, layout);
  for (size_t reference = 0; reference < references; reference++)
    for (size_t prompt = 0; prompt < PROMPTS; prompt++) {
      const size_t ranks = column->extent == LOSSKIT_COLUMN_PER_PROMPT ? 1 : counts[prompt];
      for (size_t rank = 0; rank < ranks; rank++) {
        const size_t row = column->extent == LOSSKIT_COLUMN_PER_PROMPT ? prompt : layout->row[prompt][rank];
        const size_t entries = column->extent == LOSSKIT_COLUMN_PER_TOKEN ? tokens_of(prompt, rank) : 1;
        for (size_t token = 0; token < entries; token++)
          visit(reference * count + (column->extent == LOSSKIT_COLUMN_PER_TOKEN ? layout->offsets[row] + token : row),
                value_of(column->name, prompt, rank, reference, token), context);
      }
    }
}

static void store(size_t entry, double value, void *values) { ((double *)values)[entry] = value; }

/* The entries of a column, in one order for all layouts. */
typedef struct list {
  const double *values;
  double sorted[REFERENCES * TOKENS];
  size_t count;
} list;

static void take(size_t entry, double value, void *context) {
  (void)value;
  list *const to = context;
  to->sorted[to->count++] = to->values[entry];
}

static int are_same(const losskit_column_info *column, const double *a, const layout *of_a, const double *b, const layout *of_b) {
  list first = {a, {0}, 0}, second = {b, {0}, 0};
  each(column, of_a, take, &first);
  each(column, of_b, take, &second);
  return memcmp(first.sorted, second.sorted, sizeof first.sorted) == 0;
}

static int32_t evaluate(losskit_objective_ref own, const layout *layout, size_t responses, int wants_metrics, uint64_t seed, outcome *to) {
  static double values[COLUMNS][REFERENCES * TOKENS];
  losskit_column_binding bindings[COLUMNS];
  losskit_batch batch = {PROMPTS, responses, REFERENCES, counts, layout->offsets, bindings, info.column_count};
  losskit_results results = {0};
  memset(to, 0, sizeof *to);
  memset(bindings, 0, sizeof bindings);
  for (size_t i = 0; i < info.column_count; i++) {
    const size_t count = count_of(&columns[i], layout) * (columns[i].flags & LOSSKIT_COLUMN_PER_REFERENCE ? REFERENCES : 1);
    memset(values[i], 0, sizeof values[i]);
    each(&columns[i], layout, store, values[i]);
    bindings[i].name = columns[i].name;
    bindings[i].part = LOSSKIT_WHOLE;
    bindings[i].values = doubles(values[i], count);
    if (columns[i].flags & LOSSKIT_COLUMN_DIFFERENTIABLE) bindings[i].gradient = doubles(to->gradients[i], count);
    /* What is not written shows. */
    for (size_t entry = 0; entry < count; entry++) to->gradients[i][entry] = 77;
  }
  results.loss = doubles(to->loss, PROMPTS);
  if (info.flags & LOSSKIT_OBJECTIVE_HAS_REWARD) results.rewards = doubles(to->rewards, layout->rows);
  if (wants_metrics) results.metrics = to->metrics, results.metric_capacity = METRICS;
  WORKS(losskit_objective_initial_state(own, to->state, info.state_count, &failure));
  const int32_t status = layout->is_ragged
      ? losskit_objective_evaluate_ragged(own, &batch, to->state, info.state_count, seed, &results, &failure)
      : losskit_objective_evaluate(own, &batch, to->state, info.state_count, seed, &results, &failure);
  to->mean = results.mean_loss;
  to->metric_count = results.metric_count;
  return status;
}

static int try_objective(losskit_objective_ref own, const char *text) {
  static outcome plain, other, ragged;
  layout rank_major, by_prompt;
  WORKS(losskit_objective_describe(own, &info, &failure));
  const size_t responses = info.max_responses < MOST ? info.max_responses : MOST;
  if (info.max_responses == 1) return 0;
  for (size_t i = 0; i < info.column_count; i++) WORKS(losskit_objective_column(own, i, &columns[i], &failure));
  for (uint32_t prompt = 0; prompt < PROMPTS; prompt++)
    counts[prompt] = (uint32_t)(info.min_responses + (5 * prompt + 1) % (responses - info.min_responses + 1));
  counts[2] = (uint32_t)responses;
  lay(&rank_major, 0, responses);
  lay(&by_prompt, 1, responses);
  const losskit_column_info of_rewards = {"rewards", LOSSKIT_COLUMN_PER_RESPONSE, 0};
  int compared = 0;
  for (int wants_metrics = 0; wants_metrics < 2; wants_metrics++) {
    const int32_t status = evaluate(own, &rank_major, responses, wants_metrics, 7, &plain);
    char message[sizeof failure.message];
    memcpy(message, failure.message, sizeof message);
    if (evaluate(own, &by_prompt, responses, wants_metrics, 7, &ragged) != status || (status != 0 && strcmp(message, failure.message) != 0)) {
      printf("%s: '%s', and '%s' for the ragged batch\n", text, message, failure.message), failures++;
    }
    if (status != 0) continue;
    /* Random numbers of a response depend on its place. */
    int is_random = 0;
    for (uint64_t seed = 8; seed < 20; seed++) {
      WORKS(evaluate(own, &rank_major, responses, wants_metrics, seed, &other));
      is_random |= memcmp(plain.loss, other.loss, sizeof plain.loss) != 0;
    }
    if (is_random) continue;
    int same = memcmp(plain.loss, ragged.loss, sizeof plain.loss) == 0 && plain.mean == ragged.mean &&
               memcmp(plain.state, ragged.state, sizeof plain.state) == 0 && plain.metric_count == ragged.metric_count &&
               memcmp(plain.metrics, ragged.metrics, sizeof plain.metrics) == 0 &&
               are_same(&of_rewards, plain.rewards, &rank_major, ragged.rewards, &by_prompt);
    for (size_t i = 0; i < info.column_count; i++)
      if (columns[i].flags & LOSSKIT_COLUMN_DIFFERENTIABLE)
        same &= are_same(&columns[i], plain.gradients[i], &rank_major, ragged.gradients[i], &by_prompt);
    if (!same) printf("%s, metrics %d: other results for the ragged batch\n", text, wants_metrics), failures++;
    compared = 1;
  }
  return compared;
}

/* Arrays of wrong length, counts that are too large and columns that are missing are errors. */
static void refuse(losskit_objective_ref own) {
  double values[6] = {-1, -2, -3, -4, -5, -6}, references[6] = {0};
  uint32_t own_counts[2] = {2, 4};
  losskit_column_binding bindings[2] = {{"policy_logp", 0, LOSSKIT_WHOLE, doubles(values, 6), {0}},
                                        {"reference_logp", 0, 0, doubles(references, 6), {0}}};
  losskit_batch batch = {2, 4, 1, own_counts, NULL, bindings, 2};
  losskit_results results = {0};
  WORKS(losskit_objective_evaluate_ragged(own, &batch, NULL, 0, 0, &results, &failure));
  const double mean = results.mean_loss;
  CHECK(isfinite(mean));
  bindings[0].values.count = 8;
  FAILS("has 8 values; the batch calls for 6", losskit_objective_evaluate_ragged(own, &batch, NULL, 0, 0, &results, &failure));
  bindings[0].values.count = 6;
  bindings[1].part = 1;
  FAILS("has no part 1", losskit_objective_evaluate_ragged(own, &batch, NULL, 0, 0, &results, &failure));
  bindings[1].part = 0;
  own_counts[0] = 5;
  FAILS("prompt 1 has 5 responses", losskit_objective_evaluate_ragged(own, &batch, NULL, 0, 0, &results, &failure));
  own_counts[0] = 2;
  values[3] = NAN;
  FAILS("prompt 2, response 2", losskit_objective_evaluate_ragged(own, &batch, NULL, 0, 0, &results, &failure));
  values[3] = -4;
  batch.prompts = 0;
  FAILS("no prompts", losskit_objective_evaluate_ragged(own, &batch, NULL, 0, 0, &results, &failure));
  FAILS("batch is NULL", losskit_objective_evaluate_ragged(own, NULL, NULL, 0, 0, &results, &failure));
}

int main(int count, char **names) {
  losskit_registry_ref registry = installed_registry();
  int compared = 0;
  for (int i = 1; i < count; i++) {
    losskit_objective_ref own;
    if (losskit_objective_open(registry, names[i], NULL, 0, NULL, &own, &failure) != 0) continue;
    compared += try_objective(own, names[i]);
    if (strcmp(names[i], "plackett-luce") == 0) refuse(own);
    losskit_objective_close(own, NULL);
  }
  CHECK(compared > 20);
  if (getenv("SHOW_COMPARED")) printf("%d\n", compared);
  losskit_registry_close(registry, NULL);
  return failures != 0;
}
