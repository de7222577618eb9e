/* Shared by the C programs of the tests: checks that continue on failure, and a count of failures. */
#ifndef CHECK_H
#define CHECK_H
#include <losskit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      failures++; \
    } \
  } while (0)

/* The call fails, and its message contains the text. */
#define FAILS(text, call) \
  do { \
    memset(&failure, 0, sizeof failure); \
    if ((call) == 0) { \
      printf("%s:%d: no failure: %s\n", __FILE__, __LINE__, #call); \
      failures++; \
    } else if (!strstr(failure.message, text)) { \
      printf("%s:%d: '%s' says '%s'\n", __FILE__, __LINE__, #call, failure.message); \
      failures++; \
    } \
  } while (0)

/* The call succeeds. */
#define WORKS(call) \
  do { \
    if ((call) != 0) { \
      printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, failure.message); \
      failures++; \
    } \
  } while (0)

static losskit_failure failure;

static losskit_registry_ref installed_registry(void) {
  losskit_registry_options options = {.flags = LOSSKIT_DEFAULT_PATH};
  losskit_registry_ref registry = NULL;
  WORKS(losskit_registry_open(&options, &registry, &failure));
  return registry;
}

static losskit_objective_ref objective(losskit_registry_ref registry, const char *text) {
  losskit_objective_ref objective = NULL;
  WORKS(losskit_objective_open(registry, text, NULL, 0, NULL, &objective, &failure));
  return objective;
}

static losskit_array doubles(double *values, size_t count) {
  losskit_array array = {values, sizeof(double), count, LOSSKIT_FLOAT64, 0};
  return array;
}

/* Log-probabilities of four pairs, chosen first, and the references'; all exact in float. */
enum { PAIRS = 4 };
static double policy[2 * PAIRS] = {-10, -12.5, -8.25, -20, -11, -12, -16.5, -19};
static double reference[2 * PAIRS] = {-11, -12, -9, -21.5, -10.5, -12.25, -14, -18};

/* The batch of these pairs, in whole columns of doubles. */
typedef struct pairs {
  losskit_column_binding columns[2];
  losskit_batch batch;
  losskit_results results;
  double gradient[2 * PAIRS], loss[PAIRS], rewards[2 * PAIRS];
} pairs;

static void make_pairs(pairs *made) {
  memset(made, 0, sizeof *made);
  made->columns[0].name = "policy_logp";
  made->columns[0].part = LOSSKIT_WHOLE;
  made->columns[0].values = doubles(policy, 2 * PAIRS);
  made->columns[0].gradient = doubles(made->gradient, 2 * PAIRS);
  made->columns[1].name = "reference_logp";
  made->columns[1].part = LOSSKIT_WHOLE;
  made->columns[1].values = doubles(reference, 2 * PAIRS);
  made->batch.prompts = PAIRS;
  made->batch.responses = 2;
  made->batch.references = 1;
  made->batch.columns = made->columns;
  made->batch.column_count = 2;
  made->results.loss = doubles(made->loss, PAIRS);
  made->results.rewards = doubles(made->rewards, 2 * PAIRS);
}
#endif
