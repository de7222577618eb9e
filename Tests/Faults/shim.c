// Makes calls that write below a directory fail, for `make faults`; loaded by LD_PRELOAD.
//
//   LOSSKIT_FAULT_UNDER  the directory
//   LOSSKIT_FAULT        KIND:N, where N is the number of the call, from 1:
//     kill, tear         the process is killed before call N, or after half of what call N writes
//     eio                call N fails with EIO
//     enospc, erofs      call N and all later ones fail; removing does not need space
//     short, eintr       every write writes half, or is interrupted half of the time
//     count              nothing fails
//   LOSSKIT_FAULT_COUNT  a file that gets the number of calls when the process ends
//   LOSSKIT_FAULT_CLOCK  a seed: the wall clock steps to and fro, the others jump ahead now and then
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char kind[16];
static long number;
static const char *under, *count_file;
static atomic_long calls;

__attribute__((constructor)) static void begin(void) {
  const char *fault = getenv("LOSSKIT_FAULT");
  under = getenv("LOSSKIT_FAULT_UNDER");
  count_file = getenv("LOSSKIT_FAULT_COUNT");
  if (fault) sscanf(fault, "%15[a-z]:%ld", kind, &number);
}

__attribute__((destructor)) static void end(void) {
  if (!count_file || !calls) return;
  FILE *file = fopen(count_file, "w");
  if (!file) return;
  fprintf(file, "%ld\n", (long)calls);
  fclose(file);
}

static int is(const char *name) { return strcmp(kind, name) == 0; }
static int is_below(const char *path) { return under && path && strncmp(path, under, strlen(under)) == 0; }

static int is_open_below(int file) {
  char link[32], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_below(path);
}

// Counts a call; returns the error with which it fails, or 0.
static int fault(int is_removal) {
  const long call = ++calls;
  if (is("kill") && call == number) kill(getpid(), SIGKILL);
  if (is("eio") && call == number) return EIO;
  if (is("enospc") && call >= number && !is_removal) return ENOSPC;
  if (is("erofs") && call >= number) return EROFS;
  return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL_IF(condition, is_removal)                     \
  if (condition) {                                         \
    const int error = fault(is_removal);                   \
    if (error) { errno = error; return -1; }               \
  }

ssize_t write(int file, const void *bytes, size_t size) {
  static atomic_long writes;
  const int is_ours = is_open_below(file);
  FAIL_IF(is_ours, 0)
  if (is_ours && is("tear") && calls == number) {
    REAL(write)(file, bytes, size / 2);
    kill(getpid(), SIGKILL);
  }
  if (is_ours && is("short") && size > 1) size /= 2;
  if (is_ours && is("eintr") && writes++ % 2 == 0) { errno = EINTR; return -1; }
  return REAL(write)(file, bytes, size);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
  FAIL_IF(is_open_below(file), 0)
  return REAL(pwrite)(file, bytes, size, offset);
}

// The mode is there where a file may be made.
#define MODE                                               \
  mode_t mode = 0;                                         \
  if (flags & (O_CREAT | O_TMPFILE)) {                     \
    va_list list;                                          \
    va_start(list, flags);                                 \
    mode = va_arg(list, mode_t);                           \
    va_end(list);                                          \
  }
#define WRITES(flags) (((flags) & O_ACCMODE) != O_RDONLY)

int open(const char *path, int flags, ...) {
  MODE
  FAIL_IF(WRITES(flags) && is_below(path), 0)
  return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  MODE
  FAIL_IF(WRITES(flags) && is_below(path), 0)
  return REAL(open64)(path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
  MODE
  FAIL_IF(WRITES(flags) && (is_below(path) || (path[0] != '/' && is_open_below(directory))), 0)
  return REAL(openat)(directory, path, flags, mode);
}

int fsync(int file) {
  FAIL_IF(is_open_below(file), 0)
  return REAL(fsync)(file);
}

int ftruncate(int file, off_t size) {
  FAIL_IF(is_open_below(file), 0)
  return REAL(ftruncate)(file, size);
}

int mkdir(const char *path, mode_t mode) {
  FAIL_IF(is_below(path), 0)
  return REAL(mkdir)(path, mode);
}

int rename(const char *path, const char *other) {
  FAIL_IF(is_below(path), 0)
  return REAL(rename)(path, other);
}

int unlink(const char *path) {
  FAIL_IF(is_below(path), 1)
  return REAL(unlink)(path);
}

int rmdir(const char *path) {
  FAIL_IF(is_below(path), 1)
  return REAL(rmdir)(path);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static atomic_long ahead;
  static atomic_uint state;
  const int status = REAL(clock_gettime)(clock, now);
  const char *seed = getenv("LOSSKIT_FAULT_CLOCK");
  if (status != 0 || !seed) return status;
  if (!state) state = (unsigned)atoi(seed) | 1;
  const unsigned random = state = state * 1664525u + 1013904223u;
  if (clock == CLOCK_REALTIME) {
    now->tv_sec += (long)(random >> 8) % 200000 - 100000;
  } else {
    if ((random >> 8) % 16 == 0) ahead += (random >> 16) % 3600;
    now->tv_sec += ahead;
  }
  return status;
}
