/* A host that opens and closes objectives of formulas, as often as its argument says: the memory in use stays the same. */
#include "check.h"
#include <malloc.h>

static void round_trip(losskit_registry_ref registry) {
  losskit_objective_ref own = objective(
      registry, "{square(chosen.reward - rejected.reward - c)}(c=1) + 0.5*dpo @ {response.policy_logp - response.reference_logp}");
  pairs made;
  make_pairs(&made);
  WORKS(losskit_objective_evaluate(own, &made.batch, NULL, 0, 0, &made.results, &failure));
  char *text = NULL;
  WORKS(losskit_objective_export(own, "c", 0, 0, &text, &failure));
  losskit_text_free(text);
  WORKS(losskit_objective_close(own, &failure));
}

int main(int count, char **arguments) {
  const long rounds = count > 1 ? atol(arguments[1]) : 2000;
  losskit_registry_ref registry = installed_registry();
  for (int i = 0; i < 100; i++) round_trip(registry);
  const size_t before = mallinfo2().uordblks;
  for (long i = 0; i < rounds; i++) round_trip(registry);
  const long grown = (long)mallinfo2().uordblks - (long)before;
  if (count > 1) printf("%ld rounds: %ld bytes\n", rounds, grown);
  CHECK(labs(grown) < 1 << 16);
  WORKS(losskit_registry_close(registry, &failure));
  return failures != 0;
}
