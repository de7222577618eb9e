#include "dpo.h"

#include "objective.h"

static losskit_objective_ref objective;
static losskit_batch batch;
static losskit_results results;
static losskit_column_binding columns[4];

void dpo_open(const char *text, double *sums, double *gradient, size_t pairs) {
  objective = open_objective(text);
  double *const reference = memory(2 * pairs * sizeof *reference);
  memset(reference, 0, 2 * pairs * sizeof *reference);
  for (int part = 0; part < 2; part++) {
    const size_t first = (size_t)part * pairs;
    columns[part] = (losskit_column_binding){.name = "policy_logp", .part = part,
                                             .values = array_of(sums + first, pairs, LOSSKIT_FLOAT64),
                                             .gradient = array_of(gradient + first, pairs, LOSSKIT_FLOAT64)};
    columns[2 + part] = (losskit_column_binding){.name = "reference_logp", .part = part,
                                                 .values = array_of(reference + first, pairs, LOSSKIT_FLOAT64)};
  }
  batch = (losskit_batch){.prompts = pairs, .responses = 2, .references = 1, .columns = columns, .column_count = 4};
  results = (losskit_results){.reduction = LOSSKIT_MEAN};
}

double dpo_evaluate(void) {
  losskit_failure failure;
  if (losskit_objective_evaluate(objective, &batch, NULL, 0, 0, &results, &failure) != 0)
    stop("losskit", failure.message);
  return results.mean_loss;
}
