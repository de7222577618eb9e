/* Arrays of either type, any stride and any number of parts give the same as whole columns of doubles. */
#include "check.h"

/* Numbers with gaps, in either type, from either end, aligned or not. */
static losskit_array scattered(char *memory, const double *values, size_t count, uint32_t type, ptrdiff_t stride) {
  char *first = stride < 0 ? memory + 4096 : memory;
  for (size_t i = 0; i < count; i++) {
    float narrow = (float)values[i];
    memcpy(first + (ptrdiff_t)i * stride, type == LOSSKIT_FLOAT32 ? (void *)&narrow : (void *)&values[i],
           type == LOSSKIT_FLOAT32 ? sizeof narrow : sizeof *values);
  }
  losskit_array array = {first, stride, count, type, 0};
  return array;
}

static double entry(losskit_array array, size_t index) {
  float narrow;
  double wide;
  const char *place = (const char *)array.data + (ptrdiff_t)index * array.stride;
  if (array.type == LOSSKIT_FLOAT64) return memcpy(&wide, place, sizeof wide), wide;
  return memcpy(&narrow, place, sizeof narrow), narrow;
}

static int close_to(double value, double expected, uint32_t type) {
  return fabs(value - expected) <= (type == LOSSKIT_FLOAT32 ? 1e-6 : 1e-14) * fmax(1, fabs(expected));
}

static void compare(losskit_objective_ref objective, const pairs *plain, uint32_t type, ptrdiff_t stride, size_t shift) {
  static char memory[6][8192];
  double zeros[2 * PAIRS] = {0};
  losskit_column_binding columns[3];
  losskit_results results = {0};
  losskit_batch batch = plain->batch;
  memset(columns, 0, sizeof columns);
  for (size_t part = 0; part < 2; part++) {
    columns[part].name = "policy_logp";
    columns[part].part = (int32_t)part;
    columns[part].values = scattered(memory[part] + shift, policy + part * PAIRS, PAIRS, type, stride);
    columns[part].gradient = scattered(memory[2 + part] + shift, zeros, PAIRS, type, stride);
  }
  columns[2].column = 1;
  columns[2].part = LOSSKIT_WHOLE;
  columns[2].values = scattered(memory[4] + shift, reference, 2 * PAIRS, type, stride);
  results.rewards = scattered(memory[5] + shift, zeros, 2 * PAIRS, type, stride);
  batch.columns = columns;
  batch.column_count = 3;
  WORKS(losskit_objective_evaluate(objective, &batch, NULL, 0, 0, &results, &failure));
  CHECK(results.mean_loss == plain->results.mean_loss);
  for (size_t i = 0; i < 2 * PAIRS; i++) {
    CHECK(close_to(entry(columns[i / PAIRS].gradient, i % PAIRS), plain->gradient[i], type));
    CHECK(close_to(entry(results.rewards, i), plain->rewards[i], type));
  }
}

/* Many pairs in arrays of floats, evaluated in one pass, and through columns of doubles if metrics are requested: equal
 * numbers; and a number that is not finite is named, wherever it is. */
static void compare_many(losskit_objective_ref objective, int wants_rewards) {
  enum { MANY = 40001 };
  static float values[4][MANY], gradients[2][2 * MANY], rewards[2][2 * MANY], losses[2][MANY];
  const losskit_array none = {0};
  losskit_column_binding columns[4];
  losskit_results results[2];
  losskit_metric metrics[16];
  losskit_batch batch = {MANY, 2, 1, NULL, NULL, columns, 4};
  for (size_t part = 0; part < 4; part++)
    for (size_t i = 0; i < MANY; i++) values[part][i] = -10 - (float)((i * 7 + part * 13) % 101) / 8;
  memset(results, 0, sizeof results);
  for (int which = 0; which < 2; which++) {
    for (size_t part = 0; part < 4; part++) {
      const losskit_array read = {values[part], sizeof(float), MANY, LOSSKIT_FLOAT32, 0};
      const losskit_array written = {gradients[which] + part % 2 * MANY, sizeof(float), MANY, LOSSKIT_FLOAT32, 0};
      const losskit_column_binding column = {part < 2 ? "policy_logp" : "reference_logp", 0, (int32_t)(part % 2), read,
                                             part < 2 ? written : none};
      columns[part] = column;
    }
    results[which].loss = (losskit_array){losses[which], sizeof(float), MANY, LOSSKIT_FLOAT32, 0};
    if (wants_rewards)
      results[which].rewards = (losskit_array){rewards[which], sizeof(float), 2 * MANY, LOSSKIT_FLOAT32, 0};
    if (which == 1) {
      results[1].metrics = metrics;
      results[1].metric_capacity = 16;
    }
    WORKS(losskit_objective_evaluate(objective, &batch, NULL, 0, 0, &results[which], &failure));
  }
  CHECK(memcmp(gradients[0], gradients[1], sizeof gradients[0]) == 0 && gradients[0][2 * MANY - 1] != 0);
  CHECK(memcmp(rewards[0], rewards[1], sizeof rewards[0]) == 0 && (rewards[0][MANY] != 0) == wants_rewards);
  CHECK(memcmp(losses[0], losses[1], sizeof losses[0]) == 0);
  CHECK(fabs(results[0].mean_loss - results[1].mean_loss) < 1e-12 * fabs(results[1].mean_loss));
  CHECK(results[0].metric_count == 0 && results[1].metric_count > 4);
  values[3][MANY - 2] = INFINITY;
  FAILS("prompt 40000", losskit_objective_evaluate(objective, &batch, NULL, 0, 0, &results[0], &failure));
}

int main(void) {
  losskit_registry_ref registry = installed_registry();
  const char *texts[] = {"cal-dpo(beta=0.1)", "aot(beta=0.1)"};
  for (size_t which = 0; which < 2; which++) {
    losskit_objective_ref own = objective(registry, texts[which]);
    pairs plain, sums;
    make_pairs(&plain);
    WORKS(losskit_objective_evaluate(own, &plain.batch, NULL, 0, 0, &plain.results, &failure));
    make_pairs(&sums);
    sums.results.reduction = LOSSKIT_SUM;
    WORKS(losskit_objective_evaluate(own, &sums.batch, NULL, 0, 0, &sums.results, &failure));
    for (size_t i = 0; i < 2 * PAIRS; i++) CHECK(plain.gradient[i] * PAIRS == sums.gradient[i]);
    for (uint32_t type = LOSSKIT_FLOAT64; type <= LOSSKIT_FLOAT32; type++)
      for (ptrdiff_t stride = -40; stride <= 40; stride++)
        for (size_t shift = 0; shift < 8; shift++)
          if (labs(stride) >= (type == LOSSKIT_FLOAT32 ? 4 : 8)) compare(own, &plain, type, stride, shift);
    for (int wants_rewards = 0; which == 0 && wants_rewards < 2; wants_rewards++) compare_many(own, wants_rewards);
    losskit_objective_close(own, NULL);
  }
  /* One number for all: a stride of 0. */
  losskit_objective_ref own = objective(registry, "dpo");
  pairs constant;
  double one = -10;
  make_pairs(&constant);
  constant.columns[1].values = (losskit_array){&one, 0, 2 * PAIRS, LOSSKIT_FLOAT64, 0};
  WORKS(losskit_objective_evaluate(own, &constant.batch, NULL, 0, 0, &constant.results, &failure));
  CHECK(constant.rewards[3] == policy[3] - one);
  losskit_registry_close(registry, NULL);
  return failures != 0;
}
