/* The protocol of all drivers: a program that measures itself on request; each line of its standard input is a request.
 *
 *   case WORD…            makes the inputs of a case                            answers: ready
 *   write PATH            computes once, writes the results as doubles          answers: written
 *   time SAMPLES CALLS    times SAMPLES samples of CALLS calls                  answers: the mean seconds of a call in each sample
 *
 * A driver that fails prints the reason on standard error and exits with 1. */
#ifndef BENCHMARK_WORKER_H
#define BENCHMARK_WORKER_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct worker {
  void (*prepare)(char **words, int count); /* of a case */
  void (*before)(void);                     /* before each call, not timed; or NULL */
  void (*call)(void);
  void (*write)(FILE *file); /* of the last call's results */
} worker;

_Noreturn static inline void stop(const char *place, const char *problem) {
  fprintf(stderr, "%s: %s\n", place, problem);
  exit(1);
}

static inline double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline void *memory(size_t bytes) {
  void *const start = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
  if (!start) stop("driver", "not enough memory for the inputs; close other programs");
  return start;
}

static inline double sample_of(const worker *worker, long calls) {
  double seconds = 0;
  if (!worker->before) {
    const double start = seconds_now();
    for (long call = 0; call < calls; call++) worker->call();
    seconds = seconds_now() - start;
  }
  for (long call = 0; worker->before && call < calls; call++) {
    worker->before();
    const double start = seconds_now();
    worker->call();
    seconds += seconds_now() - start;
  }
  return seconds / (double)calls;
}

static inline void answer_times(const worker *worker, long samples, long calls) {
  for (long sample = 0; sample < samples; sample++) printf(sample ? " %.9g" : "%.9g", sample_of(worker, calls));
  printf("\n");
}

static inline void answer_write(const worker *worker, const char *path) {
  if (worker->before) worker->before();
  worker->call();
  FILE *const file = fopen(path, "wb");
  if (!file) stop(path, "cannot be written; choose another directory");
  worker->write(file);
  if (fclose(file) != 0) stop(path, "could not be written; check the free space of the disk");
  printf("written\n");
}

static inline int serve(const worker *worker) {
  enum { LENGTH = 4096, WORDS = 16 };
  static char line[LENGTH];
  while (fgets(line, LENGTH, stdin)) {
    char *words[WORDS];
    int count = 0;
    for (char *word = strtok(line, " \n"); word && count < WORDS; word = strtok(NULL, " \n")) words[count++] = word;
    if (count > 1 && strcmp(words[0], "case") == 0) {
      worker->prepare(words + 1, count - 1);
      printf("ready\n");
    } else if (count == 2 && strcmp(words[0], "write") == 0) {
      answer_write(worker, words[1]);
    } else if (count == 3 && strcmp(words[0], "time") == 0 && atol(words[1]) > 0 && atol(words[2]) > 0) {
      answer_times(worker, atol(words[1]), atol(words[2]));
    } else {
      stop("driver", "the request is unknown; case, write and time are known");
    }
    fflush(stdout);
  }
  return 0;
}

static inline size_t size_of(const char *word) {
  char *end;
  const long long value = strtoll(word, &end, 10);
  if (*end != 0 || value < 1) stop(word, "is not a size; give a whole number of at least 1");
  return (size_t)value;
}
#endif
