/* An objective over log-probabilities in separate arrays for chosen and rejected responses, as a host has them. */
#ifndef BENCHMARK_OBJECTIVE_H
#define BENCHMARK_OBJECTIVE_H
#include "worker.h"

#include <losskit.h>

static inline losskit_objective_ref open_objective(const char *text) {
  losskit_failure failure;
  losskit_registry_options options = {.flags = LOSSKIT_DEFAULT_PATH};
  losskit_registry_ref registry;
  losskit_objective_ref objective;
  if (losskit_registry_open(&options, &registry, &failure) != 0 ||
      losskit_objective_open(registry, text, NULL, 0, NULL, &objective, &failure) != 0)
    stop("losskit", failure.message);
  losskit_registry_close(registry, NULL);
  return objective;
}

static inline losskit_array array_of(void *data, size_t count, uint32_t type) {
  const ptrdiff_t stride = type == LOSSKIT_FLOAT32 ? sizeof(float) : sizeof(double);
  return (losskit_array){.data = data, .stride = stride, .count = count, .type = type};
}
#endif
