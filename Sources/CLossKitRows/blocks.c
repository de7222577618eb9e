#if defined(__linux__)
#define _GNU_SOURCE /* for the processors of this process */
#include <sched.h>
#endif

#include "blocks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* Smaller blocks cost more in threads than they save. */
enum { BLOCK_BYTES = 1 << 18, MOST_THREADS = 256 };

typedef struct blocks {
  size_t rows, block_rows, count;
  int backwards;
  losskit_block_work work;
  void *context;
  atomic_size_t next;
} blocks;

static size_t processor_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return (size_t)CPU_COUNT(&set);
#endif
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (size_t)online : 1;
}

static void *take_blocks(void *context) {
  blocks *const all = context;
  size_t taken;
  while ((taken = atomic_fetch_add_explicit(&all->next, 1, memory_order_relaxed)) < all->count) {
    const size_t first = (all->backwards ? all->count - 1 - taken : taken) * all->block_rows;
    const size_t rest = all->rows - first;
    all->work(all->context, first, first + (rest < all->block_rows ? rest : all->block_rows));
  }
  return NULL;
}

void losskit_for_blocks(size_t rows, size_t row_bytes, int32_t threads, int backwards, losskit_block_work work,
                        void *context) {
  if (rows == 0) return;
  const size_t block_rows = row_bytes < BLOCK_BYTES ? BLOCK_BYTES / (row_bytes ? row_bytes : 1) : 1;
  blocks all = {.rows = rows, .block_rows = block_rows, .count = (rows - 1) / block_rows + 1, .backwards = backwards,
                .work = work, .context = context};
  size_t wanted = threads > 0 ? (size_t)threads : processor_count();
  if (wanted > all.count) wanted = all.count;
  if (wanted > MOST_THREADS) wanted = MOST_THREADS;
  pthread_t started[MOST_THREADS];
  size_t count = 0;
  /* If a thread cannot be created, the others do the work. */
  while (count + 1 < wanted && pthread_create(&started[count], NULL, take_blocks, &all) == 0) count++;
  take_blocks(&all);
  while (count > 0) pthread_join(started[--count], NULL);
}
