/* survives DIRECTORY BAD...: a host uses the loss 'good' of a directory in which the libraries BAD end every process that opens them. */
#include "check.h"

#include <errno.h>
#include <sys/wait.h>

int main(int count, char **words) {
  losskit_registry_options options = {.directories = (const char *const *)&words[1], .directory_count = 1,
                                      .flags = LOSSKIT_DEFAULT_PATH};
  for (int run = 0; run < 2; run++) {
    losskit_registry_ref registry = NULL;
    char *json = NULL;
    WORKS(losskit_registry_open(&options, &registry, &failure));
    WORKS(losskit_registry_list(registry, &json, &failure));
    for (int i = 2; json && i < count; i++) {
      char path[4096];
      snprintf(path, sizeof path, "%s/%s: when it was opened, it ", words[1], words[i]);
      CHECK(strstr(json, path) != NULL);
      snprintf(path, sizeof path, "run 'losskit check %s/%s'", words[1], words[i]);
      CHECK(strstr(json, path) != NULL);
    }
    losskit_text_free(json);
    losskit_objective_ref good = objective(registry, "good(beta=0.5)");
    pairs made;
    make_pairs(&made);
    WORKS(losskit_objective_evaluate(good, &made.batch, NULL, 0, 0, &made.results, &failure));
    for (int i = 0; i < PAIRS; i++) CHECK(made.loss[i] == -0.5 * (made.rewards[i] - made.rewards[PAIRS + i]));
    WORKS(losskit_objective_close(good, &failure));
    FAILS("unknown loss 'toy'", losskit_objective_open(registry, "toy", NULL, 0, NULL, &good, &failure));
    WORKS(losskit_registry_close(registry, &failure));
    /* No process remains. */
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
  }
  return failures != 0;
}
