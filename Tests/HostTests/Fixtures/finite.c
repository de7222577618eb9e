/* Results of successful calls are finite, in the requested type, for any finite columns; floats
 * are the rounded doubles. The arguments are names of objectives. */
#include "check.h"

enum { PROMPTS = 5, MOST = 3, REFERENCES = 2, ROWS = PROMPTS * MOST, TOKENS = 3 * ROWS, COLUMNS = 16 };

static size_t offsets[ROWS + 1];

/* A response's log-probability: certain, hopeless, or typical. */
static double log_probability(size_t prompt, size_t rank, double magnitude) {
  switch (prompt) {
  case 0: return rank == 0 ? 0 : -magnitude;
  case 1: return rank == 0 ? -magnitude : 0;
  case 2: return -magnitude - (double)rank;
  case 3: return -10 - 2 * (double)rank;
  default: return 0;
  }
}

static double value_of(const char *name, size_t prompt, size_t rank, size_t reference, double magnitude) {
  if (strncmp(name, "mismatched_", 11) == 0) return value_of(name + 11, (prompt + 1) % PROMPTS, rank, reference, magnitude);
  if (strcmp(name, "policy_logp") == 0 || strcmp(name, "policy_token_logp") == 0)
    return log_probability(prompt, rank, magnitude);
  if (strcmp(name, "reference_logp") == 0 || strcmp(name, "reference_token_logp") == 0)
    return prompt == 2 ? -1 - (double)reference : -magnitude / 2 + (double)reference;
  if (strcmp(name, "token_count") == 0) return 1 + (double)((prompt + rank) % 3);
  if (strcmp(name, "label") == 0) return (double)(prompt % 2);
  if (strcmp(name, "score") == 0) return 3 - (double)rank + (double)prompt;
  if (strcmp(name, "policy_log_collision") == 0) return -0.5;
  if (strcmp(name, "win_probability") == 0) return 0.75;
  return prompt % 2 ? 0.5 : -0.5;
}

typedef struct column {
  losskit_column_info info;
  size_t count;
  double wide[REFERENCES * TOKENS], wide_gradient[REFERENCES * TOKENS];
  float narrow[REFERENCES * TOKENS], narrow_gradient[REFERENCES * TOKENS];
} column;

static column columns[COLUMNS];

static void fill(column *column, size_t responses, double magnitude) {
  const size_t rows = PROMPTS * responses;
  const size_t references = column->info.flags & LOSSKIT_COLUMN_PER_REFERENCE ? REFERENCES : 1;
  size_t entry = 0;
  for (size_t reference = 0; reference < references; reference++)
    for (size_t row = 0; row < (column->info.extent == LOSSKIT_COLUMN_PER_PROMPT ? PROMPTS : rows); row++) {
      const double value = value_of(column->info.name, row % PROMPTS, row / PROMPTS, reference, magnitude);
      const size_t copies = column->info.extent == LOSSKIT_COLUMN_PER_TOKEN ? offsets[row + 1] - offsets[row] : 1;
      for (size_t copy = 0; copy < copies; copy++) column->narrow[entry++] = (float)value;
    }
  column->count = entry;
  for (size_t i = 0; i < entry; i++) column->wide[i] = column->narrow[i];
}

static losskit_array floats(float *values, size_t count) {
  return (losskit_array){values, sizeof(float), count, LOSSKIT_FLOAT32, 0};
}

static int all_finite(const double *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i])) return 0;
  return 1;
}

static int all_rounded(const float *narrow, const double *wide, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(narrow[i]) || !(fabs(narrow[i] - wide[i]) <= 0x1p-24 * fabs(wide[i]) + 0x1p-150)) return 0;
  return 1;
}

static int32_t evaluate(losskit_objective_ref own, const losskit_objective_info *info, size_t responses, int is_narrow,
                        int wants_rewards, double *losses, double *rewards, float *narrow_losses, float *narrow_rewards,
                        double *mean) {
  losskit_column_binding bindings[COLUMNS];
  losskit_batch batch = {PROMPTS, responses, REFERENCES, NULL, NULL, bindings, info->column_count};
  losskit_results results = {0};
  const size_t rows = PROMPTS * responses;
  for (size_t i = 0; i < info->column_count; i++) {
    column *const from = &columns[i];
    const int is_differentiable = (from->info.flags & LOSSKIT_COLUMN_DIFFERENTIABLE) != 0;
    memset(&bindings[i], 0, sizeof bindings[i]);
    bindings[i].name = from->info.name;
    bindings[i].part = LOSSKIT_WHOLE;
    bindings[i].values = is_narrow ? floats(from->narrow, from->count) : doubles(from->wide, from->count);
    if (is_differentiable)
      bindings[i].gradient =
          is_narrow ? floats(from->narrow_gradient, from->count) : doubles(from->wide_gradient, from->count);
    if (from->info.extent == LOSSKIT_COLUMN_PER_TOKEN) batch.token_offsets = offsets;
  }
  results.reduction = LOSSKIT_SUM;
  results.loss = is_narrow ? floats(narrow_losses, PROMPTS) : doubles(losses, PROMPTS);
  if (wants_rewards) results.rewards = is_narrow ? floats(narrow_rewards, rows) : doubles(rewards, rows);
  const int32_t status = losskit_objective_evaluate(own, &batch, NULL, 0, 7, &results, &failure);
  *mean = results.mean_loss;
  /* A state belongs to the whole batch. */
  if (status != 0 && !strstr(failure.message, "the state '"))
    CHECK(failure.prompt >= 0 && failure.prompt < PROMPTS && strstr(failure.message, "prompt "));
  return status;
}

static void try_objective(losskit_objective_ref own, const char *text, double magnitude) {
  losskit_objective_info info;
  WORKS(losskit_objective_describe(own, &info, &failure));
  const size_t responses = info.max_responses < MOST ? info.max_responses : MOST;
  const int has_rewards = (info.flags & LOSSKIT_OBJECTIVE_HAS_REWARD) != 0;
  double losses[PROMPTS], rewards[ROWS], mean, narrow_mean;
  float narrow_losses[PROMPTS], narrow_rewards[ROWS];
  for (size_t row = 0; row < PROMPTS * responses; row++)
    offsets[row + 1] = offsets[row] + 1 + (row % PROMPTS + row / PROMPTS) % 3;
  for (size_t i = 0; i < info.column_count; i++) {
    WORKS(losskit_objective_column(own, i, &columns[i].info, &failure));
    fill(&columns[i], responses, magnitude);
  }
  for (int wants_rewards = 0; wants_rewards <= has_rewards; wants_rewards++) {
    const int32_t wide = evaluate(own, &info, responses, 0, wants_rewards, losses, rewards, NULL, NULL, &mean);
    int is_finite = wide == 0;
    if (wide == 0) {
      is_finite = isfinite(mean) && all_finite(losses, PROMPTS);
      if (wants_rewards) is_finite &= all_finite(rewards, PROMPTS * responses);
      for (size_t i = 0; i < info.column_count; i++)
        if (columns[i].info.flags & LOSSKIT_COLUMN_DIFFERENTIABLE)
          is_finite &= all_finite(columns[i].wide_gradient, columns[i].count);
      if (!is_finite) printf("%s at %g: a double that is not finite\n", text, magnitude), failures++;
    }
    const int32_t narrow =
        evaluate(own, &info, responses, 1, wants_rewards, NULL, NULL, narrow_losses, narrow_rewards, &narrow_mean);
    if (narrow != 0) {
      if (getenv("SHOW_REFUSED")) printf("%s at %g: %s\n", text, magnitude, failure.message);
      continue;
    }
    int is_right = is_finite && isfinite(narrow_mean) && fabs(narrow_mean - mean) <= 1e-12 * fabs(mean) &&
                   all_rounded(narrow_losses, losses, PROMPTS);
    if (wants_rewards) is_right &= all_rounded(narrow_rewards, rewards, PROMPTS * responses);
    for (size_t i = 0; i < info.column_count; i++)
      if (columns[i].info.flags & LOSSKIT_COLUMN_DIFFERENTIABLE)
        is_right &= all_rounded(columns[i].narrow_gradient, columns[i].wide_gradient, columns[i].count);
    if (!is_right) printf("%s at %g: floats that are not the doubles rounded\n", text, magnitude), failures++;
  }
}

int main(int count, char **names) {
  const double magnitudes[] = {1, 1000, 1e5, 1e30};
  losskit_registry_ref registry = installed_registry();
  int opened = 0;
  for (int i = 1; i < count; i++) {
    losskit_objective_ref own;
    /* A loss of absolute rewards is not compatible with every reward. */
    if (losskit_objective_open(registry, names[i], NULL, 0, NULL, &own, &failure) != 0) continue;
    opened++;
    for (size_t which = 0; which < sizeof magnitudes / sizeof *magnitudes; which++)
      try_objective(own, names[i], magnitudes[which]);
    losskit_objective_close(own, NULL);
  }
  CHECK(opened > count / 2);
  losskit_registry_close(registry, NULL);
  return failures != 0;
}
