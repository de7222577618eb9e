#include "losskit_engine.h"

#include <string.h>

typedef struct entry {
  uint64_t key;
  uint64_t row;
} entry;

/* Maps doubles to unsigned integers in the same order; both zeros are equal, and NaN is last. */
static uint64_t sort_key(double value) {
  if (value != value) return UINT64_MAX;
  if (value == 0) value = 0;
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits >> 63 ? ~bits : bits | (UINT64_C(1) << 63);
}

/* Radix sort, lowest digit first; returns the buffer with the result, `from` or `to`. */
static inline __attribute__((always_inline)) entry *sort_digits(entry *from, entry *to, size_t count, int bits, int passes,
                                                                size_t *counts) {
  const size_t buckets = (size_t)1 << bits;
  memset(counts, 0, buckets * (size_t)passes * sizeof *counts);
  for (size_t row = 0; row < count; row++)
    for (int pass = 0; pass < passes; pass++)
      counts[(size_t)pass * buckets + (from[row].key >> (pass * bits) & (buckets - 1))]++;
  for (int pass = 0; pass < passes; pass++) {
    size_t *const places = counts + (size_t)pass * buckets;
    size_t next = 0, largest = 0;
    for (size_t bucket = 0; bucket < buckets; bucket++) {
      const size_t rows = places[bucket];
      if (rows > largest) largest = rows;
      places[bucket] = next;
      next += rows;
    }
    if (largest == count) continue; /* all have the same digit */
    for (size_t i = 0; i < count; i++) to[places[from[i].key >> (pass * bits) & (buckets - 1)]++] = from[i];
    entry *const other = from;
    from = to;
    to = other;
  }
  return from;
}

static void insert_in_order(entry *entries, size_t count) {
  for (size_t i = 1; i < count; i++) {
    const entry moved = entries[i];
    size_t place = i;
    for (; place > 0 && entries[place - 1].key > moved.key; place--) entries[place] = entries[place - 1];
    entries[place] = moved;
  }
}

void losskit_sort(const double *values, size_t count, uint32_t *order, uint64_t *scratch) {
  enum { FEW = 32, SOME = 8192 };
  entry *entries = (entry *)scratch;
  for (size_t row = 0; row < count; row++) entries[row] = (entry){sort_key(values[row]), row};
  if (count <= FEW) {
    insert_in_order(entries, count);
  } else if (count <= SOME) {
    /* For few values, clearing the counts of long digits would take most of the time. */
    size_t counts[8 << 8];
    entries = sort_digits(entries, entries + count, count, 8, 8, counts);
  } else {
    size_t counts[6 << 11];
    entries = sort_digits(entries, entries + count, count, 11, 6, counts);
  }
  for (size_t place = 0; place < count; place++) order[place] = (uint32_t)entries[place].row;
}
