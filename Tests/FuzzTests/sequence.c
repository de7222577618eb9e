/* Sequences of calls of liblosskit.so that an input of a fuzzer spells out: handles of all kinds, shapes, types, strides and closes. Every
 * pointer points to memory of exactly the size that it claims, so that AddressSanitizer sees accesses beyond it.
 *
 * `make fuzz` links this with libFuzzer. With REPLAY it is a program that runs the files it is given, and inputs made of them by chance. */
#include <losskit.h>
#include <losskit_logprob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      abort(); \
    } \
  } while (0)

/* ---- the input --------------------------------------------------------------------------------------------------------------- */

static const uint8_t *next_byte, *end_of_input;

static uint8_t byte(void) { return next_byte < end_of_input ? *next_byte++ : 0; }
static size_t below(size_t limit) { return byte() % limit; }

/* Mostly small, sometimes at an end of the range. */
static size_t any_size(size_t usual) {
  static const size_t extremes[] = {0, 1, SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 32, (size_t)1 << 20};
  const uint8_t choice = byte();
  return choice < 240 ? choice % (usual + 1) : extremes[choice % 6];
}

static double number(void) {
  static const double extremes[] = {0, -0.0, INFINITY, -INFINITY, NAN, 1e308, -1e308, 5e-324, 1e-300, 0.5, 1, 2, -1e30, 3e38};
  const uint8_t choice = byte();
  return choice < 200 ? -(double)choice / 16 : extremes[choice % 14];
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------ */

static void *blocks[512];
static size_t block_count;

static void *memory(size_t size) {
  REQUIRE(block_count < 512);
  void *const block = malloc(size);
  REQUIRE(block || size == 0);
  blocks[block_count++] = block;
  return block;
}

static void free_all(void) {
  while (block_count > 0) free(blocks[--block_count]);
}

/* An array of `count` entries in separate memory, filled with numbers unless it is an output. */
static losskit_array array(size_t count, int is_output) {
  losskit_array made = {.count = count, .type = byte() % 16 == 15 ? byte() : byte() % 2};
  const size_t size = made.type == LOSSKIT_FLOAT64 ? 8 : 4;
  const uint8_t layout = byte();
  const ptrdiff_t strides[] = {(ptrdiff_t)size, (ptrdiff_t)size, (ptrdiff_t)size, 2 * (ptrdiff_t)size, -(ptrdiff_t)size, 13, -24, 0};
  made.stride = strides[layout % 8];
  if (layout >= 250) return (losskit_array){0};
  const size_t shift = layout & 64 ? 1 : 0; /* unaligned */
  const size_t step = (size_t)(made.stride < 0 ? -made.stride : made.stride);
  char *const bytes = memory(shift + (count ? (count - 1) * step + size : 0));
  made.data = bytes + shift + (made.stride < 0 && count ? (count - 1) * step : 0);
  for (size_t i = 0; !is_output && i < count; i++) {
    const double value = number();
    const float narrow = (float)value;
    memcpy((char *)made.data + (ptrdiff_t)i * made.stride, size == 8 ? (const void *)&value : &narrow, size);
  }
  if (byte() == 255) made.count = any_size(20);
  return made;
}

/* ---- handles ----------------------------------------------------------------------------------------------------------------- */

enum { REGISTRIES = 4, OBJECTIVES = 8 };
static losskit_registry_ref registries[REGISTRIES];
static losskit_objective_ref objectives[OBJECTIVES];
static losskit_failure failure;

static losskit_registry_ref registry(void) {
  const uint8_t choice = byte();
  if (choice == 255) return (losskit_registry_ref)(uintptr_t)any_size(200);
  if (choice == 254) return (losskit_registry_ref)objectives[below(OBJECTIVES)];
  return registries[choice % REGISTRIES];
}

static losskit_objective_ref objective(void) {
  const uint8_t choice = byte();
  if (choice == 255) return (losskit_objective_ref)(uintptr_t)any_size(200);
  if (choice == 254) return (losskit_objective_ref)registries[below(REGISTRIES)];
  return objectives[choice % OBJECTIVES];
}

/* A failure has a message; counts what works. */
static int works(int32_t status) {
  if (status == 0) return 1;
  REQUIRE(status == 1);
  REQUIRE(memchr(failure.message, 0, sizeof failure.message));
  REQUIRE(failure.message[0]);
  return 0;
}

static const char *const texts[] = {
  "{-logsigmoid(beta*(chosen.reward - rejected.reward))}(beta=0.1) @ {response.policy_logp - response.reference_logp}",
  "{response.reward*(1 - 2*response.label)} @ {token.policy_token_logp - token.reference_token_logp}",
  "{logsumexp(responses[0].reward, responses[1].reward, responses[2].reward) - responses[0].reward} @ {response.policy_logp}",
  "{batch_mean(chosen.reward)*rejected.reward + batch_sorted(chosen.reward)} @ {response.policy_logp/response.token_count}",
  "{chosen.policy_logp - rejected.reference_logp[1] + uniform()} + 0.5*{chosen.score}",
  "dpo", "cal-dpo @ log-ratio", "beta-dpo", "own", "own @ {response.policy_logp}", "", "{", "sft(",
};
static const char *const settings[] = {"beta=0.5", "dpo.beta=2", "beta=nan", "=", "x", NULL};
static const char *const formats[] = {"json", "python", "torch", "jax", "c", "latex", "", "xml"};

/* The functions of a prototype's forms. */
static double loss_of_pair(double chosen, double rejected) { return rejected - chosen; }
static void loss_of_batch(size_t n, const double *chosen, double *loss) {
  for (size_t i = 0; i < n; i++) loss[i] = -0.5 * chosen[i];
}

/* ---- calls ------------------------------------------------------------------------------------------------------------------- */

static void open_objective(void) {
  const char *chosen[4];
  const size_t count = below(4);
  for (size_t i = 0; i < count; i++) chosen[i] = settings[below(6)];
  losskit_objective_ref opened = NULL;
  if (!works(losskit_objective_open(registry(), texts[below(13)], byte() % 4 ? NULL : chosen, byte() % 4 ? 0 : count,
                                    byte() % 4 ? NULL : "log-ratio", &opened, &failure)))
    return;
  const size_t place = below(OBJECTIVES);
  losskit_objective_close(objectives[place], NULL);
  objectives[place] = opened;
}

static void evaluate(void) {
  const losskit_objective_ref evaluated = objective();
  losskit_objective_info info = {0};
  if (!works(losskit_objective_describe(evaluated, &info, &failure))) info.column_count = below(4);
  const size_t prompts = byte() % 32 == 31 ? any_size(60) : 1 + below(byte() % 16 ? 5 : 255);
  const size_t least = info.min_responses ? info.min_responses : 1;
  const size_t responses = byte() % 32 == 31 ? any_size(6) : least <= 6 ? least + (byte() % 4 == 3) : 1;
  const size_t references = byte() % 16 == 15 ? any_size(3) : info.references + (byte() % 8 == 7);
  const int is_small = prompts <= 300 && responses <= 7 && references <= 4;
  losskit_batch batch = {.prompts = prompts, .responses = responses, .references = references};
  size_t tokens = 0, slots = prompts * responses; /* entries of a column per response */
  int is_ragged = byte() % 4 == 3;
  if (is_small && byte() % 4 == 0) {
    uint32_t *const counts = memory(prompts * sizeof *counts);
    for (size_t i = 0; i < prompts; i++) counts[i] = (uint32_t)(byte() % 16 == 15 ? any_size(9) : responses - (byte() % 4 == 3));
    batch.counts = counts;
    size_t sum = 0;
    for (size_t i = 0; i < prompts; i++) sum += counts[i];
    if (sum > 3000) is_ragged = 0; /* the arrays would not fit in memory */
    if (is_ragged) slots = sum;
  }
  if (is_small && byte() % 2) {
    size_t *const offsets = memory((slots + 1) * sizeof *offsets);
    for (size_t i = 0; i < slots; i++) {
      offsets[i] = tokens;
      tokens += byte() % 4;
    }
    offsets[slots] = tokens;
    if (byte() == 255) offsets[below(slots + 1)] = any_size(30);
    batch.token_offsets = offsets;
  }
  losskit_column_binding bindings[24] = {0};
  for (size_t i = 0; i < info.column_count && batch.column_count < 20; i++) {
    losskit_column_info column = {0};
    if (losskit_objective_column(evaluated, i, &column, NULL) || byte() % 32 == 31) continue;
    size_t entries = !is_small ? 4 : column.extent == LOSSKIT_COLUMN_PER_PROMPT ? prompts
        : column.extent == LOSSKIT_COLUMN_PER_RESPONSE ? slots : tokens;
    size_t parts = 1;
    if (column.extent != LOSSKIT_COLUMN_PER_PROMPT && !is_ragged && byte() % 4 == 3) {
      parts = column.extent == LOSSKIT_COLUMN_PER_TOKEN ? 1 : responses;
      if (is_small && parts > 0) entries /= parts;
    }
    if (column.flags & LOSSKIT_COLUMN_PER_REFERENCE && is_small) {
      if (parts == 1) entries *= references;
      else parts *= references;
    }
    for (size_t part = 0; part < parts && part < 4 && batch.column_count < 24; part++) {
      losskit_column_binding *const binding = &bindings[batch.column_count++];
      char *const name = memory(sizeof column.name);
      memcpy(name, column.name, sizeof column.name);
      binding->name = byte() % 4 ? name : NULL;
      binding->column = byte() == 255 ? byte() : (uint32_t)i;
      binding->part = parts == 1 ? LOSSKIT_WHOLE : (int32_t)part;
      if (byte() == 255) binding->part = (int32_t)any_size(8);
      binding->values = array(entries, 0);
      if (byte() % 2) binding->gradient = array(entries, 1);
    }
  }
  batch.columns = bindings;
  losskit_results results = {.reduction = byte() % 32 == 31 ? byte() : byte() % 2};
  losskit_metric metrics[4];
  if (byte() % 2) results.loss = array(is_small ? prompts : 3, 1);
  if (byte() % 2) results.rewards = array(is_small ? slots : 3, 1);
  if (byte() % 2) {
    results.metrics = metrics;
    results.metric_capacity = below(5);
  }
  const size_t state_count = byte() % 32 == 31 ? below(9) : info.state_count < 64 ? info.state_count : 0;
  double *const state = byte() % 2 ? memory(state_count * sizeof(double)) : NULL;
  for (size_t i = 0; state && i < state_count; i++) state[i] = number();
  if (!works((is_ragged ? losskit_objective_evaluate_ragged : losskit_objective_evaluate)(
        evaluated, &batch, state, state ? state_count : 0, byte(), &results, &failure)))
    return;
  REQUIRE(isfinite(results.mean_loss));
  for (size_t i = 0; results.loss.data && i < results.loss.count; i++) {
    const char *const place = (const char *)results.loss.data + (ptrdiff_t)i * results.loss.stride;
    double value;
    float narrow;
    memcpy(&value, place, results.loss.type == LOSSKIT_FLOAT64 ? sizeof value : sizeof narrow);
    memcpy(&narrow, place, sizeof narrow);
    REQUIRE(results.loss.type == LOSSKIT_FLOAT64 ? isfinite(value) : isfinite(narrow));
  }
}

static void score_logits(void) {
  const size_t tokens = below(6), vocabulary = byte() % 16 == 15 ? any_size(3) : 1 + below(70);
  const size_t stride = byte() % 16 == 15 ? any_size(3) : vocabulary + below(3);
  if (vocabulary > 100 || stride > 200) return; /* the arrays would not fit in memory */
  const int32_t types[] = {LOSSKIT_FLOAT32, LOSSKIT_FLOAT16, LOSSKIT_BFLOAT16, LOSSKIT_FLOAT32, byte()};
  losskit_logprob call = {.tokens = tokens, .vocabulary = vocabulary, .threads = (int32_t)below(3), .level = (int32_t)below(5)};
  losskit_logits *const matrices[] = {&call.logits, &call.reference};
  for (size_t m = 0; m < 1 + (size_t)(byte() % 2); m++) {
    matrices[m]->type = types[below(5)];
    matrices[m]->row_stride = stride;
    const size_t row = stride > vocabulary ? stride : vocabulary;
    const size_t size = tokens ? ((tokens - 1) * row + vocabulary) * (matrices[m]->type == LOSSKIT_FLOAT32 ? 4 : 2) : 0;
    uint8_t *const bytes = memory(size);
    for (size_t i = 0; i < size; i++) bytes[i] = i % 2 ? 0x3c + byte() % 8 : byte();
    matrices[m]->values = bytes;
  }
  int32_t *const labels = memory(tokens * sizeof *labels);
  uint8_t *const mask = memory(tokens);
  for (size_t i = 0; i < tokens; i++) {
    labels[i] = byte() % 32 == 31 ? (int32_t)any_size(99) : (int32_t)below(vocabulary ? vocabulary : 1);
    mask[i] = byte() % 2;
  }
  call.labels = labels;
  call.mask = byte() % 2 ? mask : NULL;
  double **const results[] = {&call.log_probability, &call.log_sum_exp, &call.entropy, &call.log_collision, &call.divergence,
                              &call.reference_log_sum_exp};
  for (size_t i = 0; i < 6; i++)
    if (byte() % 8 != 7) *results[i] = memory(tokens * sizeof(double));
  losskit_logprob_error error;
  if (losskit_logprob_forward(&call, &error)) {
    REQUIRE(memchr(error.message, 0, sizeof error.message) && error.message[0]);
    return;
  }
  losskit_logprob_cotangent cotangent = {0};
  const double **const slopes[] = {&cotangent.log_probability, &cotangent.entropy, &cotangent.log_collision, &cotangent.divergence};
  for (size_t i = 0; i < 4; i++) {
    if (byte() % 2) continue;
    double *const column = memory(tokens * sizeof *column);
    for (size_t row = 0; row < tokens; row++) column[row] = number();
    *slopes[i] = column;
  }
  void *const gradient = memory(tokens ? ((tokens - 1) * stride + vocabulary) * (call.logits.type == LOSSKIT_FLOAT32 ? 4 : 2) : 0);
  losskit_logprob_backward(&call, &cotangent, gradient, stride, &error);
}

static void register_function(void) {
  static const char *const declarations[] = {
    "{\"name\": \"own\", \"kind\": \"loss\", \"function\": \"double f(double chosen_reward, double rejected_reward)\"}",
    "{\"name\": \"own\", \"kind\": \"loss\", \"function\": \"void f(size_t n, const double *chosen_reward, double *loss)\"}",
    "{\"name\": \"own\"}", "{", "{\"name\": \"own\", \"kind\": \"loss\", \"function\": \"double f(\"}",
  };
  const size_t choice = below(5);
  works(losskit_registry_add_function(registry(), declarations[choice],
                                      choice == 1 ? (losskit_function)loss_of_batch : (losskit_function)loss_of_pair, NULL, NULL,
                                      &failure));
}

static void call(void) {
  char *text = NULL;
  losskit_column_info column;
  losskit_objective_info info;
  switch (byte() % 20) {
  case 0: {
    losskit_registry_options options = {.flags = byte() % 8 ? LOSSKIT_DEFAULT_PATH : byte()};
    losskit_registry_ref opened = NULL;
    if (!works(losskit_registry_open(byte() % 2 ? &options : NULL, &opened, &failure))) return;
    const size_t place = below(REGISTRIES);
    losskit_registry_close(registries[place], NULL);
    registries[place] = opened;
    return;
  }
  case 1: works(losskit_registry_close(registry(), &failure)); return;
  case 2: case 3: open_objective(); return;
  case 4: works(losskit_objective_close(objective(), &failure)); return;
  case 5: works(losskit_objective_text(objective(), &text, &failure)); break;
  case 6: works(losskit_objective_hash(objective(), &text, &failure)); break;
  case 7: works(losskit_objective_describe(objective(), &info, &failure)); return;
  case 8: works(losskit_objective_column(objective(), any_size(9), &column, &failure)); return;
  case 9: {
    const size_t count = below(9);
    works(losskit_objective_initial_state(objective(), memory(count * sizeof(double)), count, &failure));
    return;
  }
  case 10:
    works(losskit_objective_export(objective(), formats[below(8)], any_size(4), any_size(3), &text, &failure));
    break;
  case 11: register_function(); return;
  case 12: works(losskit_registry_remove_function(registry(), "own", byte() % 4 ? "loss" : "reward", &failure)); return;
  case 13: works(losskit_registry_describe(registry(), texts[below(13)], &text, &failure)); break;
  case 14: works(losskit_registry_add(registry(), byte() % 2 ? "/nowhere/lib.so" : "", &failure)); return;
  case 15: score_logits(); return;
  default: evaluate(); return;
  }
  losskit_text_free(text);
}

/* ---- the fuzzer's function --------------------------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  next_byte = data;
  end_of_input = data + size;
  losskit_registry_options options = {.flags = LOSSKIT_DEFAULT_PATH};
  REQUIRE(losskit_registry_open(&options, &registries[0], &failure) == 0);
  for (int calls = 0; next_byte < end_of_input && calls < 40; calls++) {
    call();
    free_all();
  }
  for (size_t i = 0; i < OBJECTIVES; i++) losskit_objective_close(objectives[i], NULL);
  for (size_t i = 0; i < REGISTRIES; i++) losskit_registry_close(registries[i], NULL);
  memset(objectives, 0, sizeof objectives);
  memset(registries, 0, sizeof registries);
  return 0;
}

#ifdef REPLAY
static uint64_t bits = 88172645463325252u;
static uint64_t next_bits(void) {
  bits ^= bits << 13;
  bits ^= bits >> 7;
  return bits ^= bits << 17;
}

int main(int count, char **paths) {
  for (int i = 1; i < count; i++) {
    uint8_t input[4096];
    FILE *const file = fopen(paths[i], "rb");
    REQUIRE(file);
    const size_t size = fread(input, 1, sizeof input, file);
    fclose(file);
    LLVMFuzzerTestOneInput(input, size);
    for (int round = 0; round < 100 && size > 0; round++) {
      for (int change = 0; change < 3; change++) input[next_bits() % size] = (uint8_t)next_bits();
      LLVMFuzzerTestOneInput(input, size);
    }
  }
}
#endif
