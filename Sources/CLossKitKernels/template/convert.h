/* Conversion of floats at any address to and from doubles. The functions return whether a number, as read or as written, is not
 * finite.
 *
 * The loops compute so little that memory is the bottleneck, so they prefetch. Prefetching past the end is harmless. */

enum { AHEAD = 2048, LINE = 64 / sizeof(float) /* numbers in a cache line */, VECTORS_PER_LINE = LINE / LOSSKIT_LANES };

typedef float half_vector __attribute__((ext_vector_type(LOSSKIT_LANES)));

static inline __attribute__((always_inline)) vector load_half(const char *address) {
  half_vector values;
  __builtin_memcpy(&values, address, sizeof values);
  return __builtin_convertvector(values, vector);
}

static inline __attribute__((always_inline)) double load_single(const char *address) {
  float value;
  __builtin_memcpy(&value, address, sizeof value);
  return value;
}

/* Converts numbers, minus those of `subtracted` if it is not NULL. */
static inline __attribute__((always_inline)) int32_t widen_both(const char *from, const char *subtracted, double *wide,
                                                                size_t count) {
  vector sums[VECTORS_PER_LINE] = {0}; /* as in first_nonfinite; several, so that additions do not wait for each other */
  size_t i = 0;
  for (; i + LINE <= count; i += LINE) {
    __builtin_prefetch(from + i * sizeof(float) + AHEAD);
    if (subtracted) __builtin_prefetch(subtracted + i * sizeof(float) + AHEAD);
    for (int part = 0; part < VECTORS_PER_LINE; part++) {
      const size_t place = i + part * LOSSKIT_LANES;
      vector value = load_half(from + place * sizeof(float));
      if (subtracted) value -= load_half(subtracted + place * sizeof(float));
      sums[part] += value - value;
      store(wide + place, value);
    }
  }
  int32_t found = 0;
  for (int part = 0; part < VECTORS_PER_LINE; part++) found |= __builtin_reduce_or(sums[part] != 0) != 0;
  for (; i < count; i++) {
    wide[i] = load_single(from + i * sizeof(float));
    if (subtracted) wide[i] -= load_single(subtracted + i * sizeof(float));
    found |= wide[i] - wide[i] != 0;
  }
  return found;
}

static int32_t widen(const void *narrow, double *wide, size_t count) { return widen_both(narrow, 0, wide, count); }

static int32_t widen_difference(const void *narrow, const void *subtracted, double *wide, size_t count) {
  return widen_both(narrow, subtracted, wide, count);
}

static int32_t narrow_scaled(const double *wide, double factor, void *narrow, size_t count) {
  char *to = narrow;
  half_vector sums[VECTORS_PER_LINE] = {0};
  size_t i = 0;
  for (; i + LINE <= count; i += LINE) {
    __builtin_prefetch(to + i * sizeof(float) + AHEAD, 1);
    for (int part = 0; part < VECTORS_PER_LINE; part++) {
      const size_t place = i + part * LOSSKIT_LANES;
      const vector scaled = load(wide + place) * factor;
      const half_vector values = __builtin_convertvector(scaled, half_vector);
      sums[part] += values - values;
      __builtin_memcpy(to + place * sizeof(float), &values, sizeof values);
    }
  }
  int32_t found = 0;
  for (int part = 0; part < VECTORS_PER_LINE; part++) found |= __builtin_reduce_or(sums[part] != 0) != 0;
  for (; i < count; i++) {
    const double scaled = wide[i] * factor;
    const float value = (float)scaled;
    __builtin_memcpy(to + i * sizeof value, &value, sizeof value);
    found |= value - value != 0;
  }
  return found;
}

/* Uses enough partial sums that additions do not wait for each other. */
static double sum(const double *values, size_t count) {
  vector sums[4] = {0};
  size_t i = 0;
  for (; i + 4 * LOSSKIT_LANES <= count; i += 4 * LOSSKIT_LANES)
    for (int part = 0; part < 4; part++) sums[part] += load(values + i + part * LOSSKIT_LANES);
  const vector lanes = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double total = 0;
  for (int lane = 0; lane < LOSSKIT_LANES; lane++) total += lanes[lane];
  for (; i < count; i++) total += values[i];
  return total;
}
