/* A host that closes all it opened; what plugins exported lives as long as the process, and is not a leak. */
#include "check.h"

int main(void) {
  const char *texts[] = {
      "dpo", "bco", "{square(chosen.reward - rejected.reward - c)}(c=1) @ {response.policy_logp - response.reference_logp}", "dpo @ length-desensitized"};
  losskit_registry_ref registry = installed_registry();
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    losskit_objective_ref own = objective(registry, texts[i]);
    pairs made;
    make_pairs(&made);
    if (i < 3) WORKS(losskit_objective_evaluate(own, &made.batch, NULL, 0, 0, &made.results, &failure));
    WORKS(losskit_objective_close(own, &failure));
  }
  WORKS(losskit_registry_close(registry, &failure));
  return failures != 0;
}
