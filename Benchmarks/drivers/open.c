/* Opens plugins once and prints the seconds it took and their number.
 *
 *   open dlopen DIRECTORY      every library of a directory, and nothing else
 *   open registry              through liblosskit: opens and lists them */
#include "worker.h"

#include <dirent.h>
#include <dlfcn.h>
#include <losskit.h>

static int open_all(const char *directory) {
  DIR *const entries = opendir(directory);
  if (!entries) stop(directory, "cannot be read; build the plugins first");
  int count = 0;
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    const size_t length = strlen(entry->d_name);
    if (length < 3 || strcmp(entry->d_name + length - 3, ".so") != 0) continue;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    if (!dlopen(path, RTLD_NOW | RTLD_LOCAL)) stop(path, dlerror());
    count++;
  }
  closedir(entries);
  return count;
}

static int list_all(void) {
  losskit_failure failure;
  losskit_registry_options options = {.flags = LOSSKIT_DEFAULT_PATH};
  losskit_registry_ref registry;
  char *json;
  if (losskit_registry_open(&options, &registry, &failure) != 0 || losskit_registry_list(registry, &json, &failure) != 0)
    stop("losskit", failure.message);
  int count = 0;
  for (const char *at = json; (at = strstr(at, "\"kind\"")) != NULL; at++) count++;
  losskit_text_free(json);
  return count;
}

int main(int count, char **words) {
  const int opens = count == 3 && strcmp(words[1], "dlopen") == 0;
  if (!opens && !(count == 2 && strcmp(words[1], "registry") == 0))
    stop("open", "the arguments are dlopen DIRECTORY, or registry");
  const double start = seconds_now();
  const int opened = opens ? open_all(words[2]) : list_all();
  printf("%.9g %d\n", seconds_now() - start, opened);
  return 0;
}
