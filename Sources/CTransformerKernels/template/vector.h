/* Vectors of LOSSKIT_LANES floats. */

typedef float vector __attribute__((ext_vector_type(LOSSKIT_LANES)));
typedef uint32_t words __attribute__((ext_vector_type(LOSSKIT_LANES)));

#define LOSSKIT_INLINE static inline __attribute__((always_inline))

LOSSKIT_INLINE vector load(const float *address) {
  vector value;
  __builtin_memcpy(&value, address, sizeof value);
  return value;
}

LOSSKIT_INLINE void store(float *address, vector value) { __builtin_memcpy(address, &value, sizeof value); }

/* The first `count` lanes, fewer than all; the others are 0. */
LOSSKIT_INLINE vector load_some(const float *address, size_t count) {
  vector value = 0;
  for (size_t lane = 0; lane < count; lane++) value[lane] = address[lane];
  return value;
}

LOSSKIT_INLINE void store_some(float *address, vector value, size_t count) {
  for (size_t lane = 0; lane < count; lane++) address[lane] = value[lane];
}

LOSSKIT_INLINE vector larger(vector a, vector b) { return a > b ? a : b; }

/* a · b + c, rounded once where the processor can. */
LOSSKIT_INLINE vector multiply_add(vector a, vector b, vector c) {
#ifdef LOSSKIT_HAS_FMA
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

LOSSKIT_INLINE float sum_of_lanes(vector value) {
  float lanes[LOSSKIT_LANES];
  store(lanes, value);
  for (int half = LOSSKIT_LANES / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

LOSSKIT_INLINE float largest_lane(vector value) {
  float largest = value[0];
  for (int lane = 1; lane < LOSSKIT_LANES; lane++) largest = value[lane] > largest ? value[lane] : largest;
  return largest;
}

/* Runs a statement for each whole vector of `count` floats at `index`, then once for the rest: `get` and `put` are
 * whole loads and stores first, partial ones then. */
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
