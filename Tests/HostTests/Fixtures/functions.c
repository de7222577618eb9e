/* Functions of the program as losses, and objectives in other forms. */
#include "check.h"

static double scale = 2;

static double own_hinge(double chosen_reward, double rejected_reward, double beta, void *user_data) {
  return *(double *)user_data * fmax(0, 1 - beta * (chosen_reward - rejected_reward));
}

static void own_hinge_gradient(double chosen_reward, double rejected_reward, double beta, void *user_data,
                               double *d_chosen_reward, double *d_rejected_reward) {
  double slope = beta * (chosen_reward - rejected_reward) < 1 ? -beta * *(double *)user_data : 0;
  *d_chosen_reward = slope;
  *d_rejected_reward = -slope;
}

static const char declaration[] =
    "{\"name\": \"own-hinge\", \"kind\": \"loss\", \"summary\": \"A hinge of the host's.\", \"shift_invariant\": true,"
    " \"function\": \"double f(double chosen_reward, double rejected_reward, double beta = 0.05, void *user_data)\","
    " \"gradient\": \"void g(double chosen_reward, double rejected_reward, double beta, void *user_data,"
    " double *d_chosen_reward, double *d_rejected_reward)\"}";

static void functions(losskit_registry_ref registry) {
  losskit_function function = (losskit_function)own_hinge, gradient = (losskit_function)own_hinge_gradient;
  pairs made, plain;
  WORKS(losskit_registry_add_function(registry, declaration, function, gradient, &scale, &failure));
  FAILS("own-hinge", losskit_registry_add_function(registry, declaration, function, gradient, &scale, &failure));
  losskit_objective_ref own = objective(registry, "own-hinge(beta=0.3)"), known = objective(registry, "hinge(beta=0.3)");
  make_pairs(&made), make_pairs(&plain);
  WORKS(losskit_objective_evaluate(own, &made.batch, NULL, 0, 0, &made.results, &failure));
  WORKS(losskit_objective_evaluate(known, &plain.batch, NULL, 0, 0, &plain.results, &failure));
  CHECK(fabs(made.results.mean_loss - 2 * plain.results.mean_loss) < 1e-12);
  for (int i = 0; i < 2 * PAIRS; i++) CHECK(fabs(made.gradient[i] - 2 * plain.gradient[i]) < 1e-12);
  WORKS(losskit_registry_remove_function(registry, "own-hinge", "loss", &failure));
  FAILS("own-hinge", losskit_registry_remove_function(registry, "own-hinge", "loss", &failure));
  FAILS("'policy' is not a kind", losskit_registry_remove_function(registry, "own-hinge", "policy", &failure));
  WORKS(losskit_objective_evaluate(own, &made.batch, NULL, 0, 0, &made.results, &failure));
  FAILS("the prototype", losskit_registry_add_function(
      registry, "{\"name\": \"a\", \"kind\": \"loss\", \"function\": \"double f(double chosen_reward)\"}", function, gradient,
      NULL, &failure));
  FAILS("function is NULL", losskit_registry_add_function(registry, declaration, NULL, NULL, NULL, &failure));
  FAILS("library", losskit_registry_add_function(
      registry, "{\"library\": \"libx.so\", \"name\": \"a\", \"kind\": \"loss\", \"function\": \"double f(double chosen_reward)\"}",
      function, NULL, NULL, &failure));
  FAILS("declaration is NULL", losskit_registry_add_function(registry, NULL, function, NULL, NULL, &failure));
}

static void exports(losskit_registry_ref registry) {
  const char *formats[] = {"json", "python", "torch", "jax", "c", "latex"};
  losskit_objective_ref own = objective(registry, "cal-dpo(beta=0.1)");
  char *text = NULL;
  for (int i = 0; i < 6; i++) {
    WORKS(losskit_objective_export(own, formats[i], 0, 0, &text, &failure));
    CHECK(text && strlen(text) > 100);
    losskit_text_free(text);
  }
  FAILS("did you mean 'json'", losskit_objective_export(own, "jsn", 0, 0, &text, &failure));
  FAILS("responses", losskit_objective_export(own, "json", 3, 1, &text, &failure));
  FAILS("that is too many", losskit_objective_export(own, "json", SIZE_MAX, 1, &text, &failure));
  CHECK(text == NULL);
}

int main(void) {
  losskit_registry_ref registry = installed_registry();
  functions(registry);
  exports(registry);
  return failures != 0;
}
