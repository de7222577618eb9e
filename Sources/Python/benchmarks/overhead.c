/* The time of a call through the C API, in microseconds: overhead TEXT PAIRS CALLS. The median of single calls. */
#define _POSIX_C_SOURCE 199309L
#include <losskit.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return 1e6 * (double)time.tv_sec + 1e-3 * (double)time.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  const double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

int main(int argc, char **argv) {
  if (argc != 4) return fprintf(stderr, "usage: overhead TEXT PAIRS CALLS\n"), 2;
  const size_t pairs = strtoul(argv[2], NULL, 10), calls = strtoul(argv[3], NULL, 10);
  losskit_registry_options options = {.flags = LOSSKIT_DEFAULT_PATH};
  losskit_registry_ref registry;
  losskit_objective_ref objective;
  losskit_failure failure;
  if (losskit_registry_open(&options, &registry, &failure) != 0 ||
      losskit_objective_open(registry, argv[1], NULL, 0, NULL, &objective, &failure) != 0)
    return fprintf(stderr, "%s\n", failure.message), 1;
  float *numbers = malloc(6 * pairs * sizeof *numbers);
  double *times = malloc(calls * sizeof *times);
  if (!numbers || !times || pairs == 0 || calls == 0) return fprintf(stderr, "overhead: no room\n"), 1;
  for (size_t i = 0; i < 6 * pairs; i++) numbers[i] = -20.0f - (float)(i * 37 % 64) / 16;
  losskit_column_binding columns[4];
  for (int i = 0; i < 4; i++) {
    const losskit_array none = {0}, values = {numbers + (size_t)i * pairs, sizeof *numbers, pairs, LOSSKIT_FLOAT32, 0};
    columns[i] = (losskit_column_binding){i < 2 ? "policy_logp" : "reference_logp", 0, i % 2, values, none};
    if (i < 2) {
      columns[i].gradient = values;
      columns[i].gradient.data = numbers + (size_t)(4 + i) * pairs;
    }
  }
  const losskit_batch batch = {pairs, 2, 1, NULL, NULL, columns, 4};
  losskit_metric metrics[16];
  for (size_t call = 0; call < calls; call++) {
    losskit_results results = {.reduction = LOSSKIT_MEAN, .metrics = metrics, .metric_capacity = 16};
    const double start = now();
    const int32_t status = losskit_objective_evaluate(objective, &batch, NULL, 0, 0, &results, &failure);
    times[call] = now() - start;
    if (status != 0) return fprintf(stderr, "%s\n", failure.message), 1;
  }
  qsort(times, calls, sizeof *times, ascending);
  printf("%.4f\n", times[calls / 2]);
  return 0;
}
