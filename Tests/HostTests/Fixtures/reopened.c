/* A host that closes the library and opens it again, like programs with their own plugins. */
#include "check.h"
#include <dlfcn.h>

int main(int count, char **arguments) {
  CHECK(count == 2);
  for (int round = 0; count == 2 && round < 3; round++) {
    void *const library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) return puts(dlerror());
    __typeof__(&losskit_registry_open) open_registry;
    __typeof__(&losskit_registry_close) close_registry;
    __typeof__(&losskit_objective_open) open_objective;
    __typeof__(&losskit_objective_evaluate) evaluate;
    __typeof__(&losskit_objective_close) close_objective;
    *(void **)&open_registry = dlsym(library, "losskit_registry_open");
    *(void **)&close_registry = dlsym(library, "losskit_registry_close");
    *(void **)&open_objective = dlsym(library, "losskit_objective_open");
    *(void **)&evaluate = dlsym(library, "losskit_objective_evaluate");
    *(void **)&close_objective = dlsym(library, "losskit_objective_close");
    losskit_registry_options options = {.flags = LOSSKIT_DEFAULT_PATH};
    losskit_registry_ref registry;
    losskit_objective_ref dpo;
    pairs made;
    make_pairs(&made);
    WORKS(open_registry(&options, &registry, &failure));
    WORKS(open_objective(registry, "dpo", NULL, 0, NULL, &dpo, &failure));
    WORKS(evaluate(dpo, &made.batch, NULL, 0, 0, &made.results, &failure));
    WORKS(close_objective(dpo, &failure));
    WORKS(close_registry(registry, &failure));
    CHECK(dlclose(library) == 0);
  }
  return failures != 0;
}
