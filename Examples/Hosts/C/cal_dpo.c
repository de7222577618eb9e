/* Cal-DPO from C: the loss of three pairs, and its gradient with respect to the policy's log-probabilities.
 *
 *   cc cal_dpo.c $(pkg-config --cflags --libs losskit) -o cal_dpo && ./cal_dpo */
#include <losskit.h>
#include <stdio.h>

enum { PAIRS = 3 };

static int fail(const losskit_failure *failure) {
  fprintf(stderr, "%s\n", failure->message);
  return 1;
}

int main(void) {
  losskit_failure failure;
  losskit_registry_options options = {.flags = LOSSKIT_DEFAULT_PATH};
  losskit_registry_ref registry;
  losskit_objective_ref objective;
  if (losskit_registry_open(&options, &registry, &failure) != 0) return fail(&failure);
  if (losskit_objective_open(registry, "cal-dpo(beta=0.1)", NULL, 0, NULL, &objective, &failure) != 0)
    return fail(&failure);
  losskit_registry_close(registry, NULL);

  /* Chosen and rejected log-probabilities are in separate arrays, as in a trainer; the references' are in one. */
  float chosen[PAIRS] = {-10, -12.5f, -8.25f}, rejected[PAIRS] = {-11, -12, -16.5f};
  double reference[2 * PAIRS] = {-11, -12, -9, -10.5, -12.25, -14};
  double chosen_gradient[PAIRS], rejected_gradient[PAIRS];
  losskit_column_binding columns[] = {
      {.name = "policy_logp", .part = 0,
       .values = {.data = chosen, .stride = sizeof *chosen, .count = PAIRS, .type = LOSSKIT_FLOAT32},
       .gradient = {.data = chosen_gradient, .stride = sizeof *chosen_gradient, .count = PAIRS}},
      {.name = "policy_logp", .part = 1,
       .values = {.data = rejected, .stride = sizeof *rejected, .count = PAIRS, .type = LOSSKIT_FLOAT32},
       .gradient = {.data = rejected_gradient, .stride = sizeof *rejected_gradient, .count = PAIRS}},
      {.name = "reference_logp", .part = LOSSKIT_WHOLE,
       .values = {.data = reference, .stride = sizeof *reference, .count = 2 * PAIRS}},
  };
  losskit_batch batch = {.prompts = PAIRS, .responses = 2, .references = 1, .columns = columns, .column_count = 3};
  losskit_results results = {.reduction = LOSSKIT_MEAN};
  if (losskit_objective_evaluate(objective, &batch, NULL, 0, 0, &results, &failure) != 0) return fail(&failure);

  printf("loss %.17g\n", results.mean_loss);
  for (int i = 0; i < PAIRS; i++) printf("gradient %.17g %.17g\n", chosen_gradient[i], rejected_gradient[i]);
  losskit_objective_close(objective, NULL);
  return 0;
}
