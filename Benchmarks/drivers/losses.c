/* Loss and gradient from log-probabilities, in float columns, through liblosskit.
 *
 *   case OBJECTIVE PROMPTS RESPONSES */
#include "inputs.h"
#include "objective.h"

enum { MOST_RESPONSES = 64 };

static losskit_objective_ref objective;
static losskit_batch batch;
static losskit_results results;
static losskit_column_binding columns[2 * MOST_RESPONSES];
static float *policy, *reference, *gradient;

static void fill(size_t prompts, size_t responses) {
  const size_t rows = prompts * responses;
  free(policy), free(reference), free(gradient);
  policy = memory(rows * sizeof *policy);
  reference = memory(rows * sizeof *reference);
  gradient = memory(rows * sizeof *gradient);
  memset(gradient, 0, rows * sizeof *gradient);
  for (size_t row = 0; row < rows; row++) {
    policy[row] = uniform((uint32_t)row, 1, -120, 40);
    reference[row] = policy[row] + uniform((uint32_t)row, 2, -2, 4);
  }
}

static void prepare(char **words, int count) {
  if (count != 3) stop("losses", "a case is OBJECTIVE PROMPTS RESPONSES");
  const size_t prompts = size_of(words[1]), responses = size_of(words[2]);
  if (responses > MOST_RESPONSES) stop("losses", "a prompt has at most 64 responses");
  losskit_objective_close(objective, NULL);
  objective = open_objective(words[0]);
  fill(prompts, responses);
  for (size_t part = 0; part < responses; part++) {
    columns[part] = (losskit_column_binding){
        .name = "policy_logp", .part = (int32_t)part,
        .values = array_of(policy + part * prompts, prompts, LOSSKIT_FLOAT32),
        .gradient = array_of(gradient + part * prompts, prompts, LOSSKIT_FLOAT32)};
    columns[responses + part] = (losskit_column_binding){
        .name = "reference_logp", .part = (int32_t)part,
        .values = array_of(reference + part * prompts, prompts, LOSSKIT_FLOAT32)};
  }
  batch = (losskit_batch){.prompts = prompts, .responses = responses, .references = 1, .columns = columns,
                          .column_count = 2 * responses};
  results = (losskit_results){.reduction = LOSSKIT_MEAN};
}

static void call(void) {
  losskit_failure failure;
  if (losskit_objective_evaluate(objective, &batch, NULL, 0, 0, &results, &failure) != 0)
    stop("losskit", failure.message);
}

static void write_results(FILE *file) {
  fwrite(&results.mean_loss, sizeof results.mean_loss, 1, file);
  for (size_t row = 0; row < batch.prompts * batch.responses; row++) {
    const double value = gradient[row];
    fwrite(&value, sizeof value, 1, file);
  }
}

int main(void) { return serve(&(worker){.prepare = prepare, .call = call, .write = write_results}); }
