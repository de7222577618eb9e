#define _GNU_SOURCE
#include <dlfcn.h>

#include "losskit_foreign.h"

#ifdef __linux__
#include <stdio.h>
#include <sys/xattr.h>

int losskit_has_access_list(int descriptor) {
  char path[64];
  /* By its name in /proc, since the descriptor may be one that only leads to the file. */
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return getxattr(path, "system.posix_acl_access", NULL, 0) >= 0;
}
#else
int losskit_has_access_list(int descriptor) {
  (void)descriptor;
  return 0;
}
#endif

const char *losskit_code_file(const void *function, size_t *offset) {
  Dl_info found;
  if (dladdr(function, &found) == 0 || !found.dli_fname || !found.dli_fbase) return NULL;
  *offset = (size_t)((const char *)function - (const char *)found.dli_fbase);
  return found.dli_fname;
}
