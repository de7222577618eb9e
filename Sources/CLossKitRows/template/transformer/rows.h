/* Rows of any length: whole vectors, then a partial one. */

/* The first `count` lanes, fewer than a whole vector; the others are 0. */
LOSSKIT_INLINE vector load_some(const float *address, size_t count) {
  vector value = 0;
  for (size_t lane = 0; lane < count; lane++) value[lane] = address[lane];
  return value;
}

LOSSKIT_INLINE void store_some(float *address, vector value, size_t count) {
  for (size_t lane = 0; lane < count; lane++) address[lane] = value[lane];
}

/* The sum of the lanes as floats, by halving. */
LOSSKIT_INLINE float fold(vector value) {
  float lanes[LOSSKIT_LANES];
  store(lanes, value);
  for (int half = LOSSKIT_LANES / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

/* Runs a statement for each whole vector of `count` floats at `index`, then once for the rest; `get` and `put` are whole
 * loads and stores at first, partial ones at the end. */
#define FOR_EACH_VECTOR(count, statement)                                                         \
  do {                                                                                            \
    size_t index = 0;                                                                             \
    for (; index + LOSSKIT_LANES <= (count); index += LOSSKIT_LANES) {                            \
      const size_t rest = LOSSKIT_LANES;                                                          \
      (void)rest;                                                                                 \
      statement                                                                                   \
    }                                                                                             \
    if (index < (count)) {                                                                        \
      const size_t rest = (count) - index;                                                        \
      statement                                                                                   \
    }                                                                                             \
  } while (0)

LOSSKIT_INLINE vector get(const float *address, size_t rest) {
  return rest == LOSSKIT_LANES ? load(address) : load_some(address, rest);
}

LOSSKIT_INLINE void put(float *address, vector value, size_t rest) {
  if (rest == LOSSKIT_LANES)
    store(address, value);
  else
    store_some(address, value, rest);
}

/* Values that only matrix products read are stored in the format that those read. */
LOSSKIT_INLINE void put_rounded(uint16_t *address, vector value, size_t rest) {
  const shorts bits = to_bfloat16(value);
  if (rest == LOSSKIT_LANES)
    __builtin_memcpy(address, &bits, sizeof bits);
  else
    for (size_t lane = 0; lane < rest; lane++) address[lane] = bits[lane];
}

LOSSKIT_INLINE void put_as(void *row, int is_rounded, size_t index, vector value, size_t rest) {
  if (is_rounded)
    put_rounded((uint16_t *)row + index, value, rest);
  else
    put((float *)row + index, value, rest);
}
