/* From logits to log-probabilities and back, with all of losskit_logprob.h: values and gradients equal those of the formulas, and nothing
 * is written on failure. */
#include "check.h"

#include <losskit_logprob.h>

enum { TOKENS = 4, CLASSES = 7, STRIDE = 9 };

static losskit_logprob_error problem;

#define REFUSES(text, call) \
  do { \
    memset(&problem, 0, sizeof problem); \
    if ((call) == 0 || !strstr(problem.message, text)) { \
      printf("%s:%d: '%s' says '%s'\n", __FILE__, __LINE__, #call, problem.message); \
      failures++; \
    } \
  } while (0)

static float logits[TOKENS * STRIDE];
static int32_t labels[TOKENS] = {3, 0, -100, 6};
static const uint8_t mask[TOKENS] = {1, 1, 0, 1};
static double value[TOKENS], sum[TOKENS], entropy[TOKENS], log_collision[TOKENS], divergence[TOKENS], reference_sum[TOKENS];

static losskit_logprob description(void) {
  losskit_logprob call = {
      .logits = {logits, STRIDE, LOSSKIT_FLOAT32}, .tokens = TOKENS, .vocabulary = CLASSES, .labels = labels, .mask = mask,
      .threads = 0, .level = 0, .log_probability = value, .log_sum_exp = sum, .entropy = entropy,
  };
  return call;
}

static double probability(size_t row, size_t class) { return exp(logits[row * STRIDE + class] - sum[row]); }

static void values(void) {
  const losskit_logprob call = description();
  CHECK(losskit_logprob_forward(&call, &problem) == 0);
  for (size_t row = 0; row < TOKENS; row++) {
    if (!mask[row]) {
      CHECK(value[row] == 0 && entropy[row] == 0);
      continue;
    }
    double total = 0, expected = 0;
    for (size_t i = 0; i < CLASSES; i++) total += exp((double)logits[row * STRIDE + i]);
    CHECK(fabs(sum[row] - log(total)) < 1e-6);
    CHECK(fabs(value[row] - (logits[row * STRIDE + (size_t)labels[row]] - log(total))) < 1e-6);
    for (size_t i = 0; i < CLASSES; i++) expected -= probability(row, i) * log(probability(row, i));
    CHECK(fabs(entropy[row] - expected) < 1e-6);
  }
}

static void against_a_reference(void) {
  losskit_logprob call = description();
  float other[TOKENS * STRIDE];
  for (size_t i = 0; i < TOKENS * STRIDE; i++) other[i] = (float)((double)(i * 11 % 23) / 7);
  call.reference = (losskit_logits){.values = other, .row_stride = STRIDE, .type = LOSSKIT_FLOAT32};
  call.log_collision = log_collision, call.divergence = divergence, call.reference_log_sum_exp = reference_sum;
  call.threads = 2, call.level = 1;
  CHECK(losskit_logprob_forward(&call, &problem) == 0);
  double by_collision[TOKENS] = {0}, by_divergence[TOKENS] = {0};
  for (size_t row = 0; row < TOKENS; row++) {
    if (!mask[row]) continue;
    by_collision[row] = 0.5, by_divergence[row] = -2;
    double total = 0, collision = 0, expected = 0;
    for (size_t i = 0; i < CLASSES; i++) total += exp((double)other[row * STRIDE + i]);
    for (size_t i = 0; i < CLASSES; i++) {
      const double p = probability(row, i), q = exp(other[row * STRIDE + i]) / total;
      collision += p * p;
      expected += q * log(q / p);
    }
    CHECK(fabs(reference_sum[row] - log(total)) < 1e-6);
    CHECK(fabs(log_collision[row] - log(collision)) < 1e-6);
    CHECK(fabs(divergence[row] - expected) < 1e-6);
  }
  const losskit_logprob_cotangent cotangent = {.log_collision = by_collision, .divergence = by_divergence};
  float gradient[TOKENS * STRIDE];
  CHECK(losskit_logprob_backward(&call, &cotangent, gradient, STRIDE, &problem) == 0);
  for (size_t row = 0; row < TOKENS; row++)
    for (size_t i = 0; i < CLASSES; i++) {
      const double p = mask[row] ? probability(row, i) : 0, q = exp(other[row * STRIDE + i] - reference_sum[row]);
      const double expected = mask[row] ? 0.5 * 2 * p * (p / exp(log_collision[row]) - 1) - 2 * (p - q) : 0;
      CHECK(fabs(gradient[row * STRIDE + i] - expected) < 1e-6);
    }
}

/* 0, 1, -2, 0.5, 4, -1 and 2 in three types. */
static void types(void) {
  static const float full[CLASSES] = {0, 1, -2, 0.5f, 4, -1, 2};
  static const uint16_t half[CLASSES] = {0, 0x3C00, 0xC000, 0x3800, 0x4400, 0xBC00, 0x4000};
  static const uint16_t brain[CLASSES] = {0, 0x3F80, 0xC000, 0x3F00, 0x4080, 0xBF80, 0x4000};
  static const int32_t label = 4;
  const losskit_logits logits[] = {
      {full, CLASSES, LOSSKIT_FLOAT32}, {half, CLASSES, LOSSKIT_FLOAT16}, {brain, CLASSES, LOSSKIT_BFLOAT16}};
  for (int i = 0; i < 3; i++) {
    double result, total;
    const losskit_logprob call = {.logits = logits[i], .tokens = 1, .vocabulary = CLASSES, .labels = &label,
                                  .log_probability = &result, .log_sum_exp = &total};
    CHECK(losskit_logprob_forward(&call, &problem) == 0);
    CHECK(fabs(total - log(1 + exp(1) + exp(-2) + exp(0.5) + exp(4) + exp(-1) + exp(2))) < 1e-6);
    CHECK(fabs(result - (4 - total)) < 1e-6);
  }
}

static void gradients(void) {
  const losskit_logprob call = description();
  const double by_value[TOKENS] = {1, -0.5, NAN, 2}, by_entropy[TOKENS] = {0.25, 0, NAN, -1};
  const losskit_logprob_cotangent cotangent = {.log_probability = by_value, .entropy = by_entropy};
  float apart[TOKENS * STRIDE], before[TOKENS * STRIDE];
  memcpy(before, logits, sizeof logits);
  memset(apart, 0, sizeof apart);
  CHECK(losskit_logprob_backward(&call, &cotangent, apart, STRIDE, &problem) == 0);
  for (size_t row = 0; row < TOKENS; row++)
    for (size_t i = 0; i < CLASSES; i++) {
      const double p = mask[row] ? probability(row, i) : 0;
      const double expected =
          mask[row] ? by_value[row] * ((i == (size_t)labels[row]) - p) - by_entropy[row] * p * (log(p) + entropy[row]) : 0;
      CHECK(fabs(apart[row * STRIDE + i] - expected) < 1e-6);
    }
  /* In place, nothing is written between rows. */
  CHECK(losskit_logprob_backward(&call, &cotangent, logits, STRIDE, &problem) == 0);
  for (size_t row = 0; row < TOKENS; row++) {
    CHECK(memcmp(logits + row * STRIDE, apart + row * STRIDE, CLASSES * sizeof *logits) == 0);
    CHECK(memcmp(logits + row * STRIDE + CLASSES, before + row * STRIDE + CLASSES, 2 * sizeof *logits) == 0);
  }
  memcpy(logits, before, sizeof logits);
}

static int32_t loss(void *context) {
  double *cotangent = context;
  for (size_t row = 0; row < TOKENS; row++) cotangent[row] = -1;
  return 0;
}

static void in_one_call(void) {
  const losskit_logprob call = description();
  double by_value[TOKENS];
  const losskit_logprob_cotangent cotangent = {.log_probability = by_value};
  const losskit_logprob_loss loss_between = loss;
  float gradient[TOKENS * STRIDE];
  CHECK(losskit_logprob_evaluate(&call, loss_between, by_value, &cotangent, gradient, STRIDE, &problem) == 0);
  for (size_t row = 0; row < TOKENS; row++) {
    double total = 0;
    for (size_t i = 0; i < CLASSES; i++) total += gradient[row * STRIDE + i];
    CHECK(fabs(total) < 1e-6);
  }
  const size_t offsets[] = {0, 2, TOKENS};
  double sums[2], spread[TOKENS];
  losskit_logprob_sum(value, offsets, 2, sums);
  CHECK(sums[0] == value[0] + value[1] && sums[1] == value[2] + value[3]);
  losskit_logprob_spread(sums, offsets, 2, spread);
  CHECK(spread[0] == sums[0] && spread[1] == sums[0] && spread[3] == sums[1]);
}

static void refusals(void) {
  losskit_logprob call = description();
  double kept[TOKENS];
  for (size_t row = 0; row < TOKENS; row++) value[row] = kept[row] = 77;
  labels[1] = CLASSES;
  REFUSES("row 1: the label is 7", losskit_logprob_forward(&call, &problem));
  CHECK(problem.row == 1);
  labels[1] = 0;
  const float spoiled = logits[3 * STRIDE + 2];
  logits[3 * STRIDE + 2] = NAN;
  REFUSES("row 3: logit 2 is NaN", losskit_logprob_forward(&call, &problem));
  logits[3 * STRIDE + 2] = spoiled;
  call.logits.type = LOSSKIT_FLOAT64;
  REFUSES("type", losskit_logprob_forward(&call, &problem));
  call.logits.type = LOSSKIT_FLOAT32;
  call.entropy = value;
  REFUSES("overlaps", losskit_logprob_forward(&call, &problem));
  CHECK(memcmp(value, kept, sizeof kept) == 0);
  call.entropy = entropy;
  CHECK(losskit_logprob_forward(&call, &problem) == 0);
  const double endless[TOKENS] = {1, INFINITY, 0, 0};
  const losskit_logprob_cotangent cotangent = {.log_probability = endless};
  float before[TOKENS * STRIDE];
  memcpy(before, logits, sizeof logits);
  REFUSES("row 1", losskit_logprob_backward(&call, &cotangent, logits, STRIDE, &problem));
  CHECK(memcmp(before, logits, sizeof logits) == 0);
}

int main(void) {
  for (size_t i = 0; i < TOKENS * STRIDE; i++) logits[i] = (float)((double)(i * 29 % 31) / 6 - 2);
  values();
  gradients();
  in_one_call();
  against_a_reference();
  types();
  refusals();
  return failures != 0;
}
