/* A host in C that uses all of losskit.h. Arguments: the library of components.c, and the directory of the installed plugins. */
#include "check.h"

static int close_to(double value, double expected) { return fabs(value - expected) <= 1e-12 * fmax(1, fabs(expected)); }

static void version(void) {
  int major = -1, minor = -1, patch = -1;
  char written[32];
  CHECK(sscanf(losskit_version(), "%d.%d.%d", &major, &minor, &patch) == 3);
  CHECK(major == LOSSKIT_VERSION_MAJOR && minor >= LOSSKIT_VERSION_MINOR);
  snprintf(written, sizeof written, "%d.%d.%d", LOSSKIT_VERSION_MAJOR, LOSSKIT_VERSION_MINOR, LOSSKIT_VERSION_PATCH);
  CHECK(strcmp(written, LOSSKIT_VERSION) == 0);
}

/* ---- registries ------------------------------------------------------------------------------------------------------- */

static void registries(const char *plugins) {
  const char *directories[] = {plugins};
  const char *digests[] = {"0000000000000000000000000000000000000000000000000000000000000000"};
  losskit_registry_options options = {.directories = directories, .directory_count = 1, .allowed_digests = NULL,
                                      .allowed_digest_count = 0, .flags = 0, .reserved = 0};
  losskit_registry_ref registry = NULL;
  losskit_objective_ref own = NULL;
  char *json = NULL;
  WORKS(losskit_registry_open(&options, &registry, &failure));
  WORKS(losskit_registry_list(registry, &json, &failure));
  CHECK(strstr(json, "\"cal-dpo\"") && strstr(json, "\"problems\": []"));
  losskit_text_free(json);
  WORKS(losskit_registry_describe(registry, "cal-dpo", &json, &failure));
  CHECK(json[0] == '[' && strstr(json, "2412.14516"));
  losskit_text_free(json);
  WORKS(losskit_registry_close(registry, &failure));

  options.allowed_digests = digests, options.allowed_digest_count = 1;
  WORKS(losskit_registry_open(&options, &registry, &failure));
  FAILS("dpo", losskit_objective_open(registry, "dpo", NULL, 0, NULL, &own, &failure));
  CHECK(failure.prompt == -1 && own == NULL);
  WORKS(losskit_registry_close(registry, &failure));
}

static double squared(double chosen_reward, double rejected_reward, void *user_data) {
  return *(double *)user_data * pow(chosen_reward - rejected_reward - 1, 2);
}

static void functions(losskit_registry_ref registry) {
  static double factor = 3;
  const losskit_function function = (losskit_function)squared;
  pairs made;
  WORKS(losskit_registry_add_function(
      registry,
      "{\"name\": \"squared\", \"kind\": \"loss\", \"function\":"
      " \"double squared(double chosen_reward, double rejected_reward, void *user_data)\"}",
      function, NULL, &factor, &failure));
  losskit_objective_ref own = objective(registry, "squared");
  losskit_objective_info info;
  WORKS(losskit_objective_describe(own, &info, &failure));
  CHECK(info.flags & LOSSKIT_OBJECTIVE_NUMERIC_GRADIENT);
  make_pairs(&made);
  WORKS(losskit_objective_evaluate(own, &made.batch, NULL, 0, 0, &made.results, &failure));
  for (size_t g = 0; g < PAIRS; g++) {
    const double margin = policy[g] - reference[g] - policy[PAIRS + g] + reference[PAIRS + g];
    CHECK(close_to(made.loss[g], 3 * pow(margin - 1, 2)));
    CHECK(fabs(made.gradient[g] - 6 * (margin - 1) / PAIRS) < 1e-6);
  }
  WORKS(losskit_registry_remove_function(registry, "squared", "loss", &failure));
  WORKS(losskit_objective_close(own, &failure));
}

/* ---- objectives ------------------------------------------------------------------------------------------------------- */

static void objectives(losskit_registry_ref registry) {
  const char *settings[] = {"beta=0.25"};
  losskit_objective_ref own = NULL, same = objective(registry, "dpo(beta=0.25) @ log-ratio");
  losskit_objective_info info;
  losskit_column_info column;
  char *text = NULL, *hash = NULL, *another = NULL;
  WORKS(losskit_objective_open(registry, "dpo", settings, 1, "log-ratio", &own, &failure));
  WORKS(losskit_objective_text(own, &text, &failure));
  CHECK(strstr(text, "dpo(beta=0.25") == text && strstr(text, "@ log-ratio"));
  losskit_text_free(text);
  WORKS(losskit_objective_hash(own, &hash, &failure));
  WORKS(losskit_objective_hash(same, &another, &failure));
  CHECK(strlen(hash) == 64 && strcmp(hash, another) == 0);
  losskit_text_free(hash), losskit_text_free(another);

  WORKS(losskit_objective_describe(own, &info, &failure));
  CHECK(info.flags == (LOSSKIT_OBJECTIVE_ROWWISE | LOSSKIT_OBJECTIVE_FUSED | LOSSKIT_OBJECTIVE_HAS_REWARD));
  CHECK(info.reserved == 0 && info.min_responses == 2 && info.max_responses == 2 && info.references == 1);
  CHECK(info.column_count == 2 && info.state_count == 0 && info.reward_scale == 0.25);
  WORKS(losskit_objective_column(own, 0, &column, &failure));
  CHECK(strcmp(column.name, "policy_logp") == 0 && column.extent == LOSSKIT_COLUMN_PER_RESPONSE);
  CHECK(column.flags == LOSSKIT_COLUMN_DIFFERENTIABLE);
  WORKS(losskit_objective_column(own, 1, &column, &failure));
  CHECK(strcmp(column.name, "reference_logp") == 0 && column.flags == LOSSKIT_COLUMN_PER_REFERENCE);

  WORKS(losskit_objective_export(own, "c", 2, 1, &text, &failure));
  CHECK(strstr(text, "log1p"));
  losskit_text_free(text);
  WORKS(losskit_objective_close(own, &failure));
  WORKS(losskit_objective_close(same, &failure));
}

/* ---- evaluation ------------------------------------------------------------------------------------------------------- */

/* DPO with columns in parts and in floats, and every output. */
static void evaluation(losskit_registry_ref registry) {
  const double beta = 0.1;
  losskit_objective_ref own = objective(registry, "dpo(beta=0.1)");
  float narrow[2 * PAIRS];
  double gradient[2][PAIRS], loss[PAIRS], rewards[2 * PAIRS], mean = 0;
  for (size_t i = 0; i < 2 * PAIRS; i++) narrow[i] = (float)reference[i];
  const losskit_column_binding columns[] = {
      {.name = "policy_logp", .column = 0, .part = 0, .values = doubles(policy, PAIRS), .gradient = doubles(gradient[0], PAIRS)},
      {.name = "policy_logp", .column = 0, .part = 1, .values = doubles(policy + PAIRS, PAIRS),
       .gradient = doubles(gradient[1], PAIRS)},
      {.name = NULL, .column = 1, .part = LOSSKIT_WHOLE,
       .values = {.data = narrow, .stride = sizeof *narrow, .count = 2 * PAIRS, .type = LOSSKIT_FLOAT32, .reserved = 0}}};
  const losskit_batch batch = {.prompts = PAIRS, .responses = 2, .references = 1, .counts = NULL, .token_offsets = NULL,
                               .columns = columns, .column_count = 3};
  losskit_metric metrics[16];
  losskit_results results = {.loss = doubles(loss, PAIRS), .rewards = doubles(rewards, 2 * PAIRS), .reduction = LOSSKIT_MEAN,
                             .reserved = 0, .metrics = metrics, .metric_capacity = 16};
  WORKS(losskit_objective_evaluate(own, &batch, NULL, 0, 0, &results, &failure));
  for (size_t g = 0; g < PAIRS; g++) {
    const double chosen = policy[g] - reference[g], rejected = policy[PAIRS + g] - reference[PAIRS + g];
    const double margin = beta * (chosen - rejected), slope = -beta / (1 + exp(margin)) / PAIRS;
    CHECK(close_to(loss[g], log1p(exp(-margin))));
    CHECK(close_to(rewards[g], chosen) && close_to(rewards[PAIRS + g], rejected));
    CHECK(close_to(gradient[0][g], slope) && close_to(gradient[1][g], -slope));
    mean += loss[g] / PAIRS;
  }
  CHECK(close_to(results.mean_loss, mean) && results.metric_count > 4 && results.metric_count <= 16);
  CHECK(strcmp(metrics[0].name, "loss") == 0 && metrics[0].value == results.mean_loss);

  const double of_mean = gradient[0][0];
  results.reduction = LOSSKIT_SUM;
  WORKS(losskit_objective_evaluate(own, &batch, NULL, 0, 0, &results, &failure));
  CHECK(close_to(gradient[0][0], of_mean * PAIRS));
  WORKS(losskit_objective_close(own, &failure));
}

/* Rankings of 3 and of 2 responses. */
static void rankings(losskit_registry_ref registry) {
  losskit_objective_ref own = objective(registry, "plackett-luce(beta=1)");
  const uint32_t counts[] = {3, 2};
  double values[] = {-1, -2, -2, -1, -4, NAN}, references[6] = {0}, gradient[6], loss[2];
  const losskit_column_binding columns[] = {
      {"policy_logp", 0, LOSSKIT_WHOLE, doubles(values, 6), doubles(gradient, 6)},
      {"reference_logp", 0, LOSSKIT_WHOLE, doubles(references, 6), {.data = NULL}}};
  const losskit_batch batch = {.prompts = 2, .responses = 3, .references = 1, .counts = counts, .columns = columns,
                               .column_count = 2};
  losskit_results results = {.loss = doubles(loss, 2)};
  losskit_objective_info info;
  WORKS(losskit_objective_describe(own, &info, &failure));
  CHECK(info.max_responses == SIZE_MAX);
  WORKS(losskit_objective_evaluate(own, &batch, NULL, 0, 0, &results, &failure));
  CHECK(close_to(loss[0], log(exp(-1) + exp(-2) + exp(-4)) + 1 + log(exp(-2) + exp(-4)) + 2));
  CHECK(close_to(loss[1], log(exp(-2) + exp(-1)) + 2));
  CHECK(gradient[5] == 0);
  WORKS(losskit_objective_close(own, &failure));
}

/* ---- a plugin in C ----------------------------------------------------------------------------------------------------- */

/* Columns per prompt and per reference, a state, and the number of the step as the seed. */
static void state(losskit_registry_ref registry) {
  losskit_objective_ref own = objective(registry, "coupled-pair");
  losskit_objective_info info;
  losskit_column_info column;
  double references[4 * PAIRS], margins[PAIRS] = {1, 2, 3, 4}, kept[2] = {9, 9}, chosen = 0;
  pairs made;
  WORKS(losskit_objective_describe(own, &info, &failure));
  CHECK(info.references == 2 && info.state_count == 2 && info.column_count == 3 && !(info.flags & LOSSKIT_OBJECTIVE_ROWWISE));
  int optional = 0;
  for (size_t i = 0; i < info.column_count; i++) {
    WORKS(losskit_objective_column(own, i, &column, &failure));
    if (strcmp(column.name, "margin") != 0) continue;
    optional = column.extent == LOSSKIT_COLUMN_PER_PROMPT && (column.flags & LOSSKIT_COLUMN_OPTIONAL);
  }
  CHECK(optional);
  WORKS(losskit_objective_initial_state(own, kept, 2, &failure));
  CHECK(kept[0] == 0 && kept[1] == 0);
  make_pairs(&made);
  memcpy(references, reference, sizeof reference);
  memcpy(references + 2 * PAIRS, reference, sizeof reference);
  const losskit_column_binding columns[] = {
      made.columns[0],
      {"reference_logp", 0, LOSSKIT_WHOLE, doubles(references, 4 * PAIRS), {.data = NULL}},
      {"margin", 0, LOSSKIT_WHOLE, doubles(margins, PAIRS), {.data = NULL}}};
  made.batch.references = 2, made.batch.columns = columns, made.batch.column_count = 3;
  WORKS(losskit_objective_evaluate(own, &made.batch, kept, 2, 5, &made.results, &failure));
  for (size_t g = 0; g < PAIRS; g++) chosen += 0.25 * (made.rewards[g] - made.rewards[PAIRS + g]) / PAIRS;
  CHECK(close_to(kept[0], chosen) && kept[1] == 1);
  for (size_t g = 0; g < PAIRS; g++) {
    const double margin = 0.25 * (policy[g] - reference[g] - policy[PAIRS + g] + reference[PAIRS + g]);
    CHECK(close_to(made.loss[g], 2 * fmax(0, margins[g] - margin + chosen)));
  }
  WORKS(losskit_objective_close(own, &failure));
}

/* One pair of 2 tokens and of 1. */
static void tokens(losskit_registry_ref registry) {
  losskit_objective_ref own = objective(registry, "dpo(beta=1) @ weighted-tokens");
  const size_t offsets[] = {0, 2, 3};
  double values[] = {-1, -2, -1}, references[] = {-2, -1.5, -1.25}, gradient[3], rewards[2], loss;
  const losskit_column_binding columns[] = {
      {"policy_token_logp", 0, LOSSKIT_WHOLE, doubles(values, 3), doubles(gradient, 3)},
      {"reference_token_logp", 0, LOSSKIT_WHOLE, doubles(references, 3), {.data = NULL}}};
  const losskit_batch batch = {.prompts = 1, .responses = 2, .references = 1, .token_offsets = offsets, .columns = columns,
                               .column_count = 2};
  losskit_results results = {.loss = doubles(&loss, 1), .rewards = doubles(rewards, 2)};
  losskit_column_info column;
  WORKS(losskit_objective_column(own, 0, &column, &failure));
  CHECK(column.extent == LOSSKIT_COLUMN_PER_TOKEN);
  WORKS(losskit_objective_evaluate(own, &batch, NULL, 0, 1, &results, &failure));
  CHECK(close_to(rewards[0], 0.5 * 1 - 0.5) && close_to(rewards[1], 0.25));
  CHECK(close_to(loss, log1p(exp(0.25))));
  CHECK(close_to(gradient[1], 2 * gradient[0]) && close_to(gradient[2], -2 * gradient[0]));
  WORKS(losskit_objective_close(own, &failure));
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  losskit_registry_options options = {.flags = LOSSKIT_DEFAULT_PATH};
  losskit_registry_ref registry = NULL;
  losskit_failure *no_failure = NULL;
  version();
  registries(argv[2]);
  WORKS(losskit_registry_open(&options, &registry, &failure));
  WORKS(losskit_registry_add(registry, argv[1], &failure));
  functions(registry);
  objectives(registry);
  evaluation(registry);
  rankings(registry);
  state(registry);
  tokens(registry);
  CHECK(losskit_registry_add(registry, "/nowhere", no_failure) == 1);
  WORKS(losskit_registry_close(registry, &failure));
  return failures != 0;
}
