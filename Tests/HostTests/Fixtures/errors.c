/* Every mistake of a host is an error with a message; nothing traps. */
#include "check.h"

static losskit_objective_ref dpo;

static int32_t evaluate(pairs *made) {
  return losskit_objective_evaluate(dpo, &made->batch, NULL, 0, 0, &made->results, &failure);
}

static void columns(void) {
  pairs made;
  double nan_column[2 * PAIRS];
  make_pairs(&made), made.columns[0].name = "policy_logps";
  FAILS("did you mean 'policy_logp'", evaluate(&made));
  make_pairs(&made), made.columns[0].name = NULL, made.columns[0].column = 7;
  FAILS("there is no column 7; the objective reads 2", evaluate(&made));
  make_pairs(&made), made.batch.column_count = 1;
  FAILS("column 'reference_logp' is needed by log-ratio and missing", evaluate(&made));
  make_pairs(&made), made.batch.columns = NULL;
  FAILS("batch->columns is NULL", evaluate(&made));
  make_pairs(&made), made.columns[0].values.count = 7;
  FAILS("column 'policy_logp' has 7 values; the batch calls for 8", evaluate(&made));
  make_pairs(&made), made.columns[0].values.data = NULL;
  FAILS("column 'policy_logp' is bound to no values", evaluate(&made));
  make_pairs(&made), made.columns[0].values.type = 9;
  FAILS("an array of type 9", evaluate(&made));
  make_pairs(&made), made.columns[1].name = "policy_logp";
  FAILS("column 'policy_logp' is bound twice", evaluate(&made));
  make_pairs(&made), made.columns[0].part = 0, made.columns[0].values.count = PAIRS, made.columns[0].gradient.data = NULL;
  FAILS("column 'policy_logp' has 2 parts, and part 1 (policy_rejected_logps) is not bound", evaluate(&made));
  make_pairs(&made), made.columns[0].part = 2;
  FAILS("column 'policy_logp' has no part 2", evaluate(&made));
  make_pairs(&made), made.columns[1].gradient = doubles(made.gradient, 2 * PAIRS);
  FAILS("column 'reference_logp' has no gradient", evaluate(&made));
  make_pairs(&made), made.columns[0].gradient.stride = 0;
  FAILS("stride 0", evaluate(&made));
  make_pairs(&made), made.columns[0].gradient.count = 3;
  FAILS("the gradient by column 'policy_logp' has 3 values", evaluate(&made));
  memcpy(nan_column, policy, sizeof policy);
  nan_column[PAIRS + 2] = NAN;
  make_pairs(&made), made.columns[0].values.data = nan_column;
  FAILS("column 'policy_logp' of prompt 3, response 2 is NaN; expected a finite number", evaluate(&made));
  CHECK(failure.prompt == 2);
}

static void shapes(void) {
  pairs made;
  uint32_t counts[PAIRS] = {2, 2, 3, 2};
  size_t huge[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 60, 0};
  for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
    make_pairs(&made), made.batch.prompts = huge[i];
    FAILS(huge[i] ? "prompts of 2 responses" : "the batch has no prompts", evaluate(&made));
    make_pairs(&made), made.batch.responses = huge[i];
    FAILS("responses", evaluate(&made));
    if (huge[i]) make_pairs(&made), made.batch.references = huge[i];
    FAILS("", evaluate(&made));
    make_pairs(&made), made.columns[0].values.count = huge[i];
    FAILS("the batch calls for 8", evaluate(&made));
    make_pairs(&made), made.batch.column_count = huge[i];
    FAILS("column", evaluate(&made));
  }
  make_pairs(&made), made.batch.responses = 3;
  FAILS("prompt 1 has 3 responses; this objective takes 2", evaluate(&made));
  make_pairs(&made), made.batch.counts = counts;
  FAILS("prompt 3 has 3 responses", evaluate(&made));
  make_pairs(&made), made.batch.references = 0;
  FAILS("the objective compares 1 references; the batch has 0", evaluate(&made));
}

static void results(void) {
  pairs made;
  double state = 0;
  make_pairs(&made), made.results.reduction = 5;
  FAILS("reduction 5 is unknown", evaluate(&made));
  make_pairs(&made), made.results.loss.count = 1;
  FAILS("the array for the loss has 1 values; the batch calls for 4", evaluate(&made));
  make_pairs(&made);
  FAILS("keeps 0 numbers of state, and got 1",
        losskit_objective_evaluate(dpo, &made.batch, &state, 1, 0, &made.results, &failure));
  FAILS("results is NULL", losskit_objective_evaluate(dpo, &made.batch, NULL, 0, 0, NULL, &failure));
  FAILS("batch is NULL", losskit_objective_evaluate(dpo, NULL, NULL, 0, 0, &made.results, &failure));
  CHECK(losskit_objective_evaluate(dpo, NULL, NULL, 0, 0, &made.results, NULL) == 1);
}

/* Rewards whose sum is beyond a double have no mean, and the loss has one. */
static void metrics(void) {
  pairs made;
  losskit_metric metric[16];
  double far[2 * PAIRS] = {1.5e308, -10, 1.5e308, -10, 1.5e308, -10, 1.5e308, -10};
  for (int is_ragged = 0; is_ragged < 2; is_ragged++) {
    int32_t (*const call)(losskit_objective_ref, const losskit_batch *, double *, size_t, uint64_t, losskit_results *,
                          losskit_failure *) = is_ragged ? losskit_objective_evaluate_ragged : losskit_objective_evaluate;
    make_pairs(&made), made.columns[0].values.data = far;
    if (is_ragged) far[1] = far[5] = 1.5e308, far[2] = far[6] = -10;
    WORKS(call(dpo, &made.batch, NULL, 0, 0, &made.results, &failure));
    CHECK(isfinite(made.results.mean_loss));
    made.results.metrics = metric, made.results.metric_capacity = 16;
    FAILS("the sum of the rewards is beyond the range of a double",
          call(dpo, &made.batch, NULL, 0, 0, &made.results, &failure));
    CHECK(failure.prompt == 0 && made.results.metric_count == 0);
  }
}

static void tokens(losskit_registry_ref registry) {
  losskit_objective_ref own = objective(registry, "dpo @ length-desensitized");
  losskit_objective_info info;
  WORKS(losskit_objective_describe(own, &info, &failure));
  double values[6] = {-1, -2, -3, -1, -1, -2}, references[6] = {-1, -1, -1, -1, -1, -1}, gradient[6];
  size_t offsets[3] = {0, 4, 6}, wrong[3] = {0, 4, 3}, far[3] = {0, 0, SIZE_MAX / 4};
  losskit_column_binding columns[2] = {
      {"policy_token_logp", 0, LOSSKIT_WHOLE, doubles(values, 6), doubles(gradient, 6)},
      {"reference_token_logp", 0, LOSSKIT_WHOLE, doubles(references, 6), {0}}};
  losskit_batch batch = {1, 2, 1, NULL, offsets, columns, 2};
  losskit_results out = {0};
  WORKS(losskit_objective_evaluate(own, &batch, NULL, 0, 0, &out, &failure));
  CHECK(out.mean_loss > 0 && gradient[0] < 0 && gradient[5] > 0);
  batch.token_offsets = NULL;
  FAILS("the batch has no token offsets", losskit_objective_evaluate(own, &batch, NULL, 0, 0, &out, &failure));
  batch.token_offsets = wrong;
  FAILS("token offsets", losskit_objective_evaluate(own, &batch, NULL, 0, 0, &out, &failure));
  batch.token_offsets = far;
  FAILS("token offsets", losskit_objective_evaluate(own, &batch, NULL, 0, 0, &out, &failure));
  losskit_objective_close(own, NULL);
}

static void registries(losskit_registry_ref registry) {
  losskit_registry_ref other = NULL;
  losskit_objective_ref own = NULL;
  const char *relative[] = {"plugins"}, *nothing[] = {NULL}, *setting[] = {"beta=-1"};
  char *json = NULL;
  losskit_registry_options options = {.directories = relative, .directory_count = 1};
  FAILS("'plugins' is not absolute", losskit_registry_open(&options, &other, &failure));
  options.directories = nothing;
  FAILS("directories[0] is NULL", losskit_registry_open(&options, &other, &failure));
  options = (losskit_registry_options){.flags = 64};
  FAILS("unknown flags", losskit_registry_open(&options, &other, &failure));
  FAILS("registry is NULL", losskit_registry_open(NULL, NULL, &failure));
  WORKS(losskit_registry_open(NULL, &other, &failure));
  FAILS("unknown loss 'dpo'", losskit_objective_open(other, "dpo", NULL, 0, NULL, &own, &failure));
  CHECK(own == NULL);
  FAILS("no such file", losskit_registry_add(other, "/nowhere/lib.so", &failure));
  FAILS("path is NULL", losskit_registry_add(other, NULL, &failure));
  FAILS("did you mean 'dpo'", losskit_objective_open(registry, "dppo", NULL, 0, NULL, &own, &failure));
  FAILS("text is NULL", losskit_objective_open(registry, NULL, NULL, 0, NULL, &own, &failure));
  FAILS("beta", losskit_objective_open(registry, "dpo", setting, 1, NULL, &own, &failure));
  FAILS("zero at the reference", losskit_objective_open(registry, "cal-dpo", NULL, 0, "log-probability", &own, &failure));
  FAILS("unknown name 'nobody'", losskit_registry_describe(registry, "nobody", &json, &failure));
  CHECK(json == NULL);
  losskit_registry_close(other, NULL);
}

static void handles(losskit_registry_ref registry) {
  losskit_objective_ref own = objective(registry, "dpo"), next;
  char *text = NULL;
  pairs made;
  make_pairs(&made);
  FAILS("the handle is NULL", losskit_objective_text(NULL, &text, &failure));
  FAILS("another kind (registry)", losskit_objective_text((losskit_objective_ref)registry, &text, &failure));
  FAILS("a number that is not a handle", losskit_objective_text((losskit_objective_ref)(uintptr_t)0x7f30, &text, &failure));
  FAILS("never opened", losskit_objective_text((losskit_objective_ref)(uintptr_t)0xffff2, &text, &failure));
  WORKS(losskit_objective_close(own, &failure));
  FAILS("the handle was closed", losskit_objective_close(own, &failure));
  next = objective(registry, "ipo");
  CHECK(next != own);
  FAILS("the handle was closed",
        losskit_objective_evaluate(own, &made.batch, NULL, 0, 0, &made.results, &failure));
  WORKS(losskit_objective_close(NULL, &failure));
  losskit_objective_close(next, NULL);
}

int main(void) {
  losskit_registry_ref registry = installed_registry();
  CHECK(strcmp(losskit_version(), LOSSKIT_VERSION) == 0);
  dpo = objective(registry, "dpo(beta=0.1)");
  columns();
  shapes();
  results();
  metrics();
  tokens(registry);
  registries(registry);
  handles(registry);
  /* An objective outlives its registry. */
  pairs made;
  make_pairs(&made);
  WORKS(losskit_registry_close(registry, &failure));
  FAILS("the handle was closed", losskit_registry_close(registry, &failure));
  WORKS(evaluate(&made));
  WORKS(losskit_objective_close(dpo, &failure));
  return failures != 0;
}
