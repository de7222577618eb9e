#define _GNU_SOURCE
#include <dlfcn.h>

#include "losskit_foreign.h"

const char *losskit_code_file(const void *function, size_t *offset) {
  Dl_info found;
  if (dladdr(function, &found) == 0 || !found.dli_fname || !found.dli_fbase) return NULL;
  *offset = (size_t)((const char *)function - (const char *)found.dli_fbase);
  return found.dli_fname;
}
