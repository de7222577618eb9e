/* The host owns the state: a step advances it, a failed step leaves it unchanged, and a run can resume from it. */
#include "check.h"

int main(void) {
  losskit_registry_ref registry = installed_registry();
  losskit_objective_ref own = objective(registry, "beta-dpo");
  losskit_objective_info info;
  losskit_metric metrics[16];
  pairs made;
  WORKS(losskit_objective_describe(own, &info, &failure));
  CHECK(info.state_count > 0 && info.state_count <= 8);
  double state[8], before[8];
  FAILS("numbers of state", losskit_objective_initial_state(own, state, 8, &failure));
  WORKS(losskit_objective_initial_state(own, state, info.state_count, &failure));
  memcpy(before, state, sizeof state);
  make_pairs(&made);
  made.results.metrics = metrics, made.results.metric_capacity = 16;
  WORKS(losskit_objective_evaluate(own, &made.batch, state, info.state_count, 7, &made.results, &failure));
  CHECK(memcmp(before, state, info.state_count * sizeof *state) != 0);
  CHECK(made.results.metric_count > 4 && strcmp(metrics[0].name, "loss") == 0);
  CHECK(metrics[0].value == made.results.mean_loss && strcmp(metrics[1].name, "rewards/chosen") == 0);

  /* Equal states and seeds give equal results. */
  pairs again;
  make_pairs(&again);
  WORKS(losskit_objective_evaluate(own, &again.batch, before, info.state_count, 7, &again.results, &failure));
  CHECK(again.results.mean_loss == made.results.mean_loss && memcmp(before, state, info.state_count * sizeof *state) == 0);
  CHECK(memcmp(again.gradient, made.gradient, sizeof made.gradient) == 0);

  /* Without a state, every call starts from the initial one. */
  make_pairs(&again);
  WORKS(losskit_objective_evaluate(own, &again.batch, NULL, 0, 7, &again.results, &failure));
  CHECK(again.results.mean_loss == made.results.mean_loss);

  double spoiled[2 * PAIRS];
  memcpy(spoiled, policy, sizeof policy);
  spoiled[1] = INFINITY;
  make_pairs(&again);
  again.columns[0].values.data = spoiled;
  FAILS("prompt 2", losskit_objective_evaluate(own, &again.batch, state, info.state_count, 7, &again.results, &failure));
  CHECK(memcmp(before, state, info.state_count * sizeof *state) == 0);
  return failures != 0;
}
