/* Numbers of half the size, read and written at any address. Returned is whether one was not finite.
 *
 * So little is computed for each that it would wait for memory; what comes a while later is asked for here. Asking for what is
 * not there is harmless. */

enum { AHEAD = 2048, CACHE_LINE = 64 };

typedef float half_vector __attribute__((ext_vector_type(LOSSKIT_LANES)));

static int32_t widen(const void *narrow, double *wide, size_t count) {
  const char *from = narrow;
  vector sum = broadcast(0); /* as in first_nonfinite */
  size_t i = 0;
  for (; i + LOSSKIT_LANES <= count; i += LOSSKIT_LANES) {
    half_vector values;
    const char *const address = from + i * sizeof(float);
    if (i * sizeof(float) % CACHE_LINE == 0) __builtin_prefetch(address + AHEAD);
    __builtin_memcpy(&values, address, sizeof values);
    const vector converted = __builtin_convertvector(values, vector);
    sum += converted - converted;
    store(wide + i, converted);
  }
  int32_t found = __builtin_reduce_or(sum != 0);
  for (; i < count; i++) {
    float value;
    __builtin_memcpy(&value, from + i * sizeof value, sizeof value);
    wide[i] = value;
    found |= wide[i] - wide[i] != 0;
  }
  return found != 0;
}

static int32_t narrow_scaled(const double *wide, double factor, void *narrow, size_t count) {
  char *to = narrow;
  vector sum = broadcast(0);
  size_t i = 0;
  for (; i + LOSSKIT_LANES <= count; i += LOSSKIT_LANES) {
    const vector scaled = load(wide + i) * factor;
    const half_vector values = __builtin_convertvector(scaled, half_vector);
    char *const address = to + i * sizeof(float);
    if (i * sizeof(float) % CACHE_LINE == 0) __builtin_prefetch(address + AHEAD, 1);
    sum += scaled - scaled;
    __builtin_memcpy(address, &values, sizeof values);
  }
  int32_t found = __builtin_reduce_or(sum != 0);
  for (; i < count; i++) {
    const double scaled = wide[i] * factor;
    const float value = (float)scaled;
    __builtin_memcpy(to + i * sizeof value, &value, sizeof value);
    found |= scaled - scaled != 0;
  }
  return found != 0;
}

/* In as many partial sums as it takes for the additions not to wait for each other. */
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
