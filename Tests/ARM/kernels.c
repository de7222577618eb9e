/* The kernels against plain C, for processors that Swift's tests do not run on: `make check-arm` runs it under qemu. On 64-bit ARM Linux
 * long double has 113 bits, on x86-64 it has 64. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "losskit_bfloat16.h"
#include "losskit_engine.h"
#include "losskit_exponential.h"
#include "losskit_logprob.h"
#include "losskit_transformer.h"

static int failures;
#define CHECK(condition, ...) \
  do { \
    if (!(condition) && ++failures <= 40) { \
      printf("%s:%d: ", __FILE__, __LINE__); \
      printf(__VA_ARGS__); \
      printf("\n"); \
    } \
  } while (0)

/* ---- numbers ----------------------------------------------------------------------------------------------------------------- */

static const double special[] = {
  0, 0x1p-1074, 0x1p-1030, 0x1p-1022, 1e-300, 1e-20, 1e-17, 1e-10, 1e-5, 0.5, 0.6931471805599453, 0.6931471805599454,
  0.9999999999999999, 1, 1.5, 3, 18.5, 19.5, 22, 36.7, 37.5, 40, 708, 708.5, 709, 709.78, 709.79, 744.4, 745, 745.2, 1000, 1e15, 1e16,
  1e17, 1e300, DBL_MAX, INFINITY, NAN};
enum { SPECIAL = sizeof special / sizeof *special, ROWS = 10007 };

static uint64_t row_number;
static double uniform(double low, double high) { return low + (high - low) * losskit_uniform(1, 2, row_number++); }

static double any_double(void) {
  const uint64_t bits = (uint64_t)uniform(0, 0x1p32) << 32 | (uint64_t)uniform(0, 0x1p32);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void fill(double *values) {
  for (size_t i = 0; i < ROWS; i++) {
    switch (i % 5) {
    case 0: values[i] = any_double(); break;
    case 1: values[i] = uniform(-1, 1); break;
    case 2: values[i] = uniform(-40, 40); break;
    case 3: values[i] = uniform(-800, 800); break;
    default: values[i] = ldexp(uniform(-1, 1), -(int)uniform(0, 100));
    }
  }
  for (size_t i = 0; i < 2 * SPECIAL; i++)
    values[(i * 131 + 7) % ROWS] = i % 2 ? -special[i / 2] : special[i / 2];
}

static double error_in_ulps(double result, long double exact) {
  if (isnan(exact) || isnan(result)) return isnan(exact) && isnan(result) ? 0 : INFINITY;
  const double rounded = (double)exact;
  if (isinf(rounded) || isinf(result)) return rounded == result ? 0 : INFINITY;
  const double size = fabs(rounded), ulp = size >= DBL_MAX ? 0x1p971 : nextafter(size, INFINITY) - size;
  return (double)(fabsl(result - exact) / ulp);
}

static int is_same(double a, double b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0; }

/* ---- kernels on doubles ------------------------------------------------------------------------------------------------------ */

/* Runs one instruction over columns of a host from `first` on. */
static double run(uint32_t kernel, const double *const *columns, uint32_t count, size_t rows, double *result) {
  losskit_instruction instruction = {.kernel = kernel, .result = LOSSKIT_IN_OUTPUT};
  uint32_t *const operands[] = {&instruction.a, &instruction.b, &instruction.c};
  losskit_read reads[3];
  losskit_host_column inputs[3];
  for (uint32_t i = 0; i < count; i++) {
    *operands[i] = LOSSKIT_IN_INPUT + i;
    reads[i] = (losskit_read){.kind = LOSSKIT_READ_HOST, .index = i, .other = -1};
    inputs[i] = (losskit_host_column){.data = (void *)columns[i], .stride = sizeof(double), .factor = 1};
  }
  const losskit_host_column output = {.data = result, .stride = sizeof(double), .factor = 1};
  const losskit_action actions[] = {{.kind = LOSSKIT_ACTION_WRITE},
                                    {.kind = LOSSKIT_ACTION_SUM, .extent = LOSSKIT_EXTENT_BATCH}};
  const int32_t outputs[] = {-1};
  const losskit_stage stage = {.extent = LOSSKIT_EXTENT_PROMPT, .read_count = count, .instruction_count = 1, .output_count = 1,
                               .action_count = 2, .reads = reads, .instructions = &instruction, .outputs = outputs,
                               .actions = actions};
  double partial = NAN;
  losskit_run plan = {.rows = {.prompts = rows}, .finest = LOSSKIT_EXTENT_PROMPT, .tile_columns = count + 1, .stage_count = 1,
                      .stages = &stage, .inputs = inputs, .outputs = &output, .partials = &partial, .block_count = 1};
  plan.most[LOSSKIT_EXTENT_PROMPT] = rows;
  losskit_range range = {.first = {0}};
  range.last[LOSSKIT_EXTENT_PROMPT] = rows;
  double *const scratch = malloc(losskit_run_scratch(&plan) * sizeof(double));
  losskit_run_block(&plan, &range, 0, scratch);
  free(scratch);
  return partial;
}

static long double exp_negative_abs(long double a) { return expl(-fabsl(a)); }
static long double sigmoid(long double a) { return a >= 0 ? 1 / (1 + expl(-a)) : expl(a) / (1 + expl(a)); }
static long double log_sigmoid(long double a) { return (a < 0 ? a : 0) - log1pl(expl(-fabsl(a))); }
static long double softplus(long double a) { return (a > 0 ? a : 0) + log1pl(expl(-fabsl(a))); }
static long double log1mexp(long double a) { return a > -0.69L ? logl(-expm1l(a)) : log1pl(-expl(a)); }

static void check_rounded(void) {
  static const struct {
    const char *name;
    uint32_t kernel;
    double ulps;
    long double (*exact)(long double);
  } kernels[] = {
    {"exp", LOSSKIT_KERNEL_EXP, 4, expl}, {"expm1", LOSSKIT_KERNEL_EXPM1, 4, expm1l}, {"log", LOSSKIT_KERNEL_LOG, 4, logl},
    {"log1p", LOSSKIT_KERNEL_LOG1P, 4, log1pl}, {"tanh", LOSSKIT_KERNEL_TANH, 4, tanhl},
    {"exp(-|a|)", LOSSKIT_KERNEL_EXP_NEGATIVE_ABS, 4, exp_negative_abs}, {"sigmoid", LOSSKIT_KERNEL_SIGMOID, 6, sigmoid},
    {"log sigmoid", LOSSKIT_KERNEL_LOG_SIGMOID, 6, log_sigmoid}, {"softplus", LOSSKIT_KERNEL_SOFTPLUS, 6, softplus},
    {"log(1 - exp(a))", LOSSKIT_KERNEL_LOG1MEXP, 6, log1mexp},
  };
  static double column[ROWS], result[ROWS], alone[ROWS];
  for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
    fill(column);
    const double *columns[] = {column};
    run(kernels[k].kernel, columns, 1, ROWS, result);
    double worst = 0;
    for (size_t i = 0; i < ROWS; i++) {
      const double error = error_in_ulps(result[i], kernels[k].exact(column[i]));
      if (error > worst) worst = error;
      CHECK(error <= kernels[k].ulps, "%s of %a is %a, %g ulp off", kernels[k].name, column[i], result[i], error);
      if (column[i] == 0 && kernels[k].exact(0) == 0 && k != 8)
        CHECK(signbit(result[i]) == signbit((double)kernels[k].exact(column[i])), "%s of %g is %g", kernels[k].name, column[i], result[i]);
    }
    printf("%-16s within %.2f ulp\n", kernels[k].name, worst);
    /* The result of a row depends on that row alone. */
    for (size_t start = 1; start < 4; start++) {
      columns[0] = column + start;
      run(kernels[k].kernel, columns, 1, 300 + start, alone);
      for (size_t i = 0; i < 300 + start; i++)
        CHECK(is_same(alone[i], result[start + i]), "%s of %a is %a at one place, %a at another", kernels[k].name, column[start + i],
              result[start + i], alone[i]);
    }
  }
}

static double exact(uint32_t kernel, double a, double b, double c) {
  switch (kernel) {
  case LOSSKIT_KERNEL_COPY: return a;
  case LOSSKIT_KERNEL_ADD: return a + b;
  case LOSSKIT_KERNEL_SUBTRACT: return a - b;
  case LOSSKIT_KERNEL_MULTIPLY: return a * b;
  case LOSSKIT_KERNEL_DIVIDE: return a / b;
  case LOSSKIT_KERNEL_MINIMUM: return a <= b || isnan(a) ? a : b;
  case LOSSKIT_KERNEL_MAXIMUM: return a >= b || isnan(a) ? a : b;
  case LOSSKIT_KERNEL_ANNIHILATE: return a == 0 ? 0 : a * b;
  case LOSSKIT_KERNEL_NEGATE: return -a;
  case LOSSKIT_KERNEL_SQRT: return sqrt(a);
  case LOSSKIT_KERNEL_ABS: return fabs(a);
  case LOSSKIT_KERNEL_SQUARE: return a * a;
  case LOSSKIT_KERNEL_RELU: return a <= 0 ? 0 : a;
  case LOSSKIT_KERNEL_FLOOR: return floor(a);
  case LOSSKIT_KERNEL_STEP: return a > 0 ? 1 : 0;
  case LOSSKIT_KERNEL_SIGN: return isnan(a) ? a : a > 0 ? 1 : a < 0 ? -1 : 0;
  case LOSSKIT_KERNEL_SELECT: return a > 0 ? b : c;
  default: return a < b ? b : a > c ? c : a;
  }
}

static void check_exact(void) {
  static const uint32_t kernels[] = {
    LOSSKIT_KERNEL_COPY, LOSSKIT_KERNEL_ADD, LOSSKIT_KERNEL_SUBTRACT, LOSSKIT_KERNEL_MULTIPLY, LOSSKIT_KERNEL_DIVIDE,
    LOSSKIT_KERNEL_MINIMUM, LOSSKIT_KERNEL_MAXIMUM, LOSSKIT_KERNEL_ANNIHILATE, LOSSKIT_KERNEL_NEGATE, LOSSKIT_KERNEL_SQRT,
    LOSSKIT_KERNEL_ABS, LOSSKIT_KERNEL_SQUARE, LOSSKIT_KERNEL_RELU, LOSSKIT_KERNEL_FLOOR, LOSSKIT_KERNEL_STEP, LOSSKIT_KERNEL_SIGN,
    LOSSKIT_KERNEL_SELECT, LOSSKIT_KERNEL_CLAMP};
  static double columns[3][ROWS], result[ROWS];
  for (int operand = 0; operand < 3; operand++) fill(columns[operand]);
  /* Every pair of special numbers. */
  for (size_t i = 0; i < SPECIAL * SPECIAL; i++) {
    columns[0][i] = special[i / SPECIAL];
    columns[1][i] = columns[2][i] = -special[i % SPECIAL];
  }
  const double *const inputs[] = {columns[0], columns[1], columns[2]};
  for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
    run(kernels[k], inputs, 3, ROWS, result);
    for (size_t i = 0; i < ROWS; i++) {
      const double expected = exact(kernels[k], columns[0][i], columns[1][i], columns[2][i]);
      CHECK(is_same(result[i], expected), "kernel %u of %a, %a, %a is %a, not %a", kernels[k], columns[0][i], columns[1][i],
            columns[2][i], result[i], expected);
    }
  }
}

/* Sums, searches and the order of a column. */
static void check_columns(void) {
  static double column[ROWS], result[ROWS];
  static uint32_t order[ROWS];
  static uint64_t scratch[4 * ROWS];
  long double sum = 0;
  for (size_t i = 0; i < ROWS; i++) sum += column[i] = uniform(-3, 5);
  const double *const columns[] = {column};
  const double got = run(LOSSKIT_KERNEL_COPY, columns, 1, ROWS, result);
  CHECK(fabsl(got - sum) <= 1e-12L * fabsl(sum), "the sum is %.17g, not %.17g", got, (double)sum);
  CHECK(losskit_first_nonfinite(column, ROWS) == ROWS && losskit_first_nan(column, ROWS) == ROWS, "a finite column");
  for (size_t place = 0; place < 70; place++) {
    const double before = column[place];
    column[place] = -INFINITY;
    CHECK(losskit_first_nonfinite(column, ROWS) == place && losskit_first_nan(column, ROWS) == ROWS, "-inf at %zu", place);
    column[place] = NAN;
    CHECK(losskit_first_nonfinite(column, ROWS) == place && losskit_first_nan(column, ROWS) == place, "NaN at %zu", place);
    column[place] = before;
  }
  for (size_t i = 0; i < ROWS; i += 3) column[i] = column[i / 2];
  losskit_sort(column, ROWS, order, scratch);
  for (size_t i = 1; i < ROWS; i++)
    CHECK(column[order[i - 1]] < column[order[i]] || (column[order[i - 1]] == column[order[i]] && order[i - 1] < order[i]),
          "places %zu and %zu are out of order", i - 1, i);
}

/* ---- kernels on floats ------------------------------------------------------------------------------------------------------- */

static void check_exponentials(void) {
  static float arguments[ROWS], results[ROWS];
  for (size_t i = 0; i < ROWS; i++) arguments[i] = (float)uniform(-87.3, 88); /* whose exponentials are normal */
  arguments[3] = -INFINITY;
  arguments[4] = -89;
  arguments[5] = NAN;
  losskit_exponentials(arguments, ROWS, results, 0);
  for (size_t i = 0; i < ROWS; i++) {
    if (i == 3 || i == 4) CHECK(results[i] == 0, "exp(%g) is %g", arguments[i], results[i]);
    else if (i == 5) CHECK(isnan(results[i]), "exp(NaN) is %g", results[i]);
    else {
      const double expected = exp((double)arguments[i]);
      const float near = (float)expected;
      CHECK(fabs(results[i] - expected) <= 1.5 * (nextafterf(near, INFINITY) - near), "exp(%a) is %a", arguments[i], results[i]);
    }
  }
}

static uint16_t plain_bfloat16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (uint16_t)(value != value ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float wide_bfloat16(uint16_t value) {
  const uint32_t bits = (uint32_t)value << 16;
  float wide;
  memcpy(&wide, &bits, sizeof wide);
  return wide;
}

static void check_bfloat16(void) {
  static float values[ROWS], wide[ROWS];
  static uint16_t rounded[ROWS];
  for (size_t i = 0; i < ROWS; i++) values[i] = i % 2 ? (float)any_double() : (float)uniform(-9, 9);
  values[1] = NAN;
  losskit_round_to_bfloat16(values, ROWS, rounded);
  losskit_expand_bfloat16(rounded, ROWS, wide);
  for (size_t i = 0; i < ROWS; i++) {
    CHECK(rounded[i] == plain_bfloat16(values[i]), "bfloat16 of %a is %x", values[i], rounded[i]);
    CHECK(is_same(wide[i], wide_bfloat16(rounded[i])), "%x is %a", rounded[i], wide[i]);
  }
}

/* Each type of logits, with a reference, masked rows, and the gradient of all results. */
static void check_logits(int32_t type) {
  enum { TOKENS = 5, VOCABULARY = 133, STRIDE = 140 };
  static union { float floats[TOKENS * STRIDE]; uint16_t halves[TOKENS * STRIDE]; } stored[2], gradient;
  static double logits[2][TOKENS][VOCABULARY];
  for (int m = 0; m < 2; m++) {
    for (size_t r = 0; r < TOKENS; r++) {
      for (size_t v = 0; v < VOCABULARY; v++) {
        const float value = (float)((int)uniform(-160, 160)) / 16; /* exact in each type */
        logits[m][r][v] = value;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        const uint32_t half = value == 0 ? 0 : (bits >> 16 & 0x8000) | ((bits >> 13 & 0x3ffff) - (112 << 10));
        if (type == LOSSKIT_FLOAT32) stored[m].floats[r * STRIDE + v] = value;
        else stored[m].halves[r * STRIDE + v] = (uint16_t)(type == LOSSKIT_BFLOAT16 ? bits >> 16 : half);
      }
    }
  }
  const int32_t labels[TOKENS] = {0, 132, 64, 7, 99};
  const uint8_t mask[TOKENS] = {1, 1, 0, 1, 1};
  double results[6][TOKENS];
  const losskit_logprob call = {
    .logits = {&stored[0], STRIDE, type}, .tokens = TOKENS, .vocabulary = VOCABULARY, .labels = labels, .mask = mask,
    .reference = {&stored[1], STRIDE, type}, .threads = 2, .log_probability = results[0], .log_sum_exp = results[1],
    .entropy = results[2], .log_collision = results[3], .divergence = results[4], .reference_log_sum_exp = results[5]};
  losskit_logprob_error error;
  CHECK(losskit_logprob_forward(&call, &error) == 0, "%s", error.message);
  double slopes[4][TOKENS];
  for (int i = 0; i < 4; i++)
    for (size_t r = 0; r < TOKENS; r++) slopes[i][r] = uniform(-2, 2);
  const losskit_logprob_cotangent cotangent = {slopes[0], slopes[1], slopes[2], slopes[3]};
  CHECK(losskit_logprob_backward(&call, &cotangent, &gradient, STRIDE, &error) == 0, "%s", error.message);
  for (size_t r = 0; r < TOKENS; r++) {
    long double sums[2] = {0}, entropy = 0, collision = 0, divergence = 0;
    for (int m = 0; m < 2; m++)
      for (size_t v = 0; v < VOCABULARY; v++) sums[m] += expl(logits[m][r][v]);
    for (size_t v = 0; v < VOCABULARY; v++) {
      const long double own = logits[0][r][v] - logl(sums[0]), other = logits[1][r][v] - logl(sums[1]);
      entropy -= expl(own) * own;
      collision += expl(2 * own);
      divergence += expl(other) * (other - own);
    }
    const long double expected[] = {logits[0][r][labels[r]] - logl(sums[0]), logl(sums[0]), entropy, logl(collision), divergence};
    for (int i = 0; i < 5; i++)
      CHECK(mask[r] ? fabsl(results[i][r] - expected[i]) <= 2e-6 : results[i][r] == 0, "type %d, row %zu: result %d is %.9g, not %.9g",
            type, r, i, results[i][r], (double)expected[i]);
    for (size_t v = 0; v < VOCABULARY; v++) {
      const long double own = logits[0][r][v] - logl(sums[0]), p = expl(own);
      long double slope = slopes[0][r] * ((v == (size_t)labels[r]) - p) - slopes[1][r] * p * (own + entropy);
      slope += slopes[2][r] * 2 * p * (p / collision - 1) + slopes[3][r] * (p - expl(logits[1][r][v]) / sums[1]);
      if (!mask[r]) slope = 0;
      double got;
      if (type == LOSSKIT_FLOAT32) {
        got = gradient.floats[r * STRIDE + v];
      } else {
        const uint16_t bits = gradient.halves[r * STRIDE + v];
        const int exponent = bits >> 10 & 31;
        const double half = exponent ? ldexp(1024 + (bits & 1023), exponent - 25) : ldexp(bits & 1023, -24);
        got = type == LOSSKIT_BFLOAT16 ? wide_bfloat16(bits) : bits & 0x8000 ? -half : half;
      }
      const double relative = type == LOSSKIT_FLOAT32 ? 1e-5 : type == LOSSKIT_FLOAT16 ? 0x1p-10 : 0x1p-7;
      CHECK(fabsl(got - slope) <= relative * fabsl(slope) + 1e-6, "type %d, row %zu: gradient %zu is %.9g, not %.9g", type, r, v, got,
            (double)slope);
    }
  }
}

static void check_transformer(void) {
  enum { COUNT = 77 };
  const losskit_transformer_kernels *const kernels = losskit_transformer_kernels_for(0);
  float x[COUNT], y[COUNT], z[COUNT], out[COUNT], scores[COUNT];
  double dot = 0, sum = 0;
  for (size_t i = 0; i < COUNT; i++) {
    x[i] = (float)uniform(-3, 3);
    y[i] = (float)uniform(-3, 3);
    z[i] = y[i];
    dot += (double)x[i] * y[i];
  }
  CHECK(fabs(kernels->dot(x, y, COUNT) - dot) <= 1e-4, "dot is %g, not %g", kernels->dot(x, y, COUNT), dot);
  kernels->add(z, x, COUNT);
  for (size_t i = 0; i < COUNT; i++) CHECK(z[i] == x[i] + y[i], "sum %zu is %g", i, z[i]);
  memcpy(scores, x, sizeof scores);
  const float log_sum = kernels->softmax(scores, COUNT - 5, COUNT);
  for (size_t i = 0; i < COUNT - 5; i++) sum += exp((double)x[i]);
  CHECK(fabs(log_sum - log(sum)) <= 1e-5, "log of the sum is %g, not %g", log_sum, log(sum));
  for (size_t i = 0; i < COUNT; i++) {
    const double expected = i < COUNT - 5 ? exp((double)x[i]) / sum : 0;
    CHECK(fabs(scores[i] - expected) <= 1e-6, "probability %zu is %g, not %g", i, scores[i], expected);
  }
  kernels->swiglu(x, y, out, 0, COUNT);
  for (size_t i = 0; i < COUNT; i++) {
    const double expected = x[i] / (1 + exp(-(double)x[i])) * y[i];
    CHECK(fabs(out[i] - expected) <= 2e-6 * (1 + fabs(expected)), "swiglu %zu is %g, not %g", i, out[i], expected);
  }
  kernels->norm(x, 0.75f, y, out, 0, COUNT);
  for (size_t i = 0; i < COUNT; i++)
    CHECK(fabs(out[i] - 0.75 * x[i] * y[i]) <= 1e-5, "norm %zu is %g", i, out[i]);
}

int main(void) {
  check_rounded();
  check_exact();
  check_columns();
  check_exponentials();
  check_bfloat16();
  check_logits(LOSSKIT_FLOAT32);
  check_logits(LOSSKIT_FLOAT16);
  check_logits(LOSSKIT_BFLOAT16);
  check_transformer();
  if (failures) printf("%d checks failed\n", failures);
  return failures != 0;
}
