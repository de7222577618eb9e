/* Logits, log-probabilities, DPO, gradient of the logits: LossKit's kernels, and its objective between them.
 *
 *   case SEQUENCES TOKENS VOCABULARY in-place|apart
 *
 * The first half of the sequences are chosen responses, the second half rejected ones. Where the gradient overwrites
 * the logits, they are restored before each call, which is not timed. */
#include "dpo.h"
#include "inputs.h"
#include "worker.h"

#include <losskit_logprob.h>

enum { SAMPLED_ROWS = 8 };

static losskit_logprob scores;
static losskit_logprob_cotangent cotangent;
static size_t sequences, *offsets;
static double *sums, *sum_gradient, *row_gradient, mean_loss;
static float *logits, *gradient, *original;

static int32_t loss(void *context) {
  (void)context;
  losskit_logprob_sum(scores.log_probability, offsets, sequences, sums);
  mean_loss = dpo_evaluate();
  losskit_logprob_spread(sum_gradient, offsets, sequences, row_gradient);
  return 0;
}

static void restore(void) {
  memcpy(logits, original, scores.tokens * scores.vocabulary * sizeof *logits);
}

static void call(void) {
  losskit_logprob_error error;
  if (losskit_logprob_evaluate(&scores, loss, NULL, &cotangent, gradient, scores.vocabulary, &error) != 0)
    stop("losskit_logprob_evaluate", error.message);
}

static void make_scores(size_t rows, size_t vocabulary, int in_place) {
  int32_t *const labels = memory(rows * sizeof *labels);
  for (size_t row = 0; row < rows; row++) labels[row] = (int32_t)(mixed((uint32_t)row, 4) % vocabulary);
  original = memory(rows * vocabulary * sizeof *original);
  for (size_t i = 0; i < rows * vocabulary; i++) original[i] = uniform((uint32_t)i, 3, -8, 16);
  gradient = memory(rows * vocabulary * sizeof *gradient);
  logits = in_place ? gradient : original;
  row_gradient = memory(rows * sizeof *row_gradient);
  cotangent = (losskit_logprob_cotangent){.log_probability = row_gradient};
  scores = (losskit_logprob){.logits = {.values = logits, .row_stride = vocabulary, .type = LOSSKIT_FLOAT32},
                             .tokens = rows, .vocabulary = vocabulary, .labels = labels,
                             .log_probability = memory(rows * sizeof(double)),
                             .log_sum_exp = memory(rows * sizeof(double))};
  if (in_place) restore();
}

static worker this_worker;

static void prepare(char **words, int count) {
  if (count != 4 || sums) stop("logits", "a case is SEQUENCES TOKENS VOCABULARY in-place|apart, one per process");
  sequences = size_of(words[0]);
  const size_t tokens = size_of(words[1]), vocabulary = size_of(words[2]);
  const int in_place = strcmp(words[3], "in-place") == 0;
  if (sequences % 2 != 0) stop("logits", "the number of sequences is odd; they are pairs");
  offsets = memory((sequences + 1) * sizeof *offsets);
  for (size_t sequence = 0; sequence <= sequences; sequence++) offsets[sequence] = sequence * tokens;
  sums = memory(sequences * sizeof *sums);
  sum_gradient = memory(sequences * sizeof *sum_gradient);
  dpo_open("dpo(beta=0.01)", sums, sum_gradient, sequences / 2);
  make_scores(sequences * tokens, vocabulary, in_place);
  if (in_place) this_worker.before = restore;
}

static void write_results(FILE *file) {
  fwrite(&mean_loss, sizeof mean_loss, 1, file);
  const size_t step = scores.tokens > SAMPLED_ROWS ? scores.tokens / SAMPLED_ROWS : 1;
  for (size_t row = 0; row < scores.tokens; row += step) {
    for (size_t token = 0; token < scores.vocabulary; token++) {
      const double value = gradient[row * scores.vocabulary + token];
      fwrite(&value, sizeof value, 1, file);
    }
  }
}

int main(void) {
  this_worker = (worker){.prepare = prepare, .call = call, .write = write_results};
  return serve(&this_worker);
}
