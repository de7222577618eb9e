/* Two versions of the library in one process, each with its own handles. */
#include "check.h"
#include <dlfcn.h>

typedef int32_t (*open_registry)(const losskit_registry_options *, losskit_registry_ref *, losskit_failure *);
typedef int32_t (*open_objective)(losskit_registry_ref, const char *, const char *const *, size_t, const char *,
                                  losskit_objective_ref *, losskit_failure *);
typedef int32_t (*evaluate)(losskit_objective_ref, const losskit_batch *, double *, size_t, uint64_t, losskit_results *,
                            losskit_failure *);

typedef const char *(*version)(void);

static double loss(const char *path, const char *expected_version, double *gradient) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return printf("%s\n", dlerror()), failures++, 0;
  CHECK(strcmp(((version)dlsym(library, "losskit_version"))(), expected_version) == 0);
  losskit_registry_options options = {.flags = LOSSKIT_DEFAULT_PATH};
  losskit_registry_ref registry = NULL;
  losskit_objective_ref own = NULL;
  pairs made;
  make_pairs(&made);
  WORKS(((open_registry)dlsym(library, "losskit_registry_open"))(&options, &registry, &failure));
  WORKS(((open_objective)dlsym(library, "losskit_objective_open"))(registry, "cal-dpo", NULL, 0, NULL, &own, &failure));
  WORKS(((evaluate)dlsym(library, "losskit_objective_evaluate"))(own, &made.batch, NULL, 0, 0, &made.results, &failure));
  memcpy(gradient, made.gradient, sizeof made.gradient);
  return made.results.mean_loss;
}

int main(int argc, char **argv) {
  double first[2 * PAIRS], second[2 * PAIRS];
  if (argc != 3) return 2;
  CHECK(loss(argv[1], LOSSKIT_VERSION, first) == loss(argv[2], "1.9.9", second));
  CHECK(memcmp(first, second, sizeof first) == 0);
  return failures != 0;
}
