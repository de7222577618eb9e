/* Vectors of floats, and vectors of other types with the same number of lanes. */

typedef int32_t signed_words __attribute__((ext_vector_type(LOSSKIT_LANES)));
typedef uint32_t words __attribute__((ext_vector_type(LOSSKIT_LANES)));
typedef uint16_t shorts __attribute__((ext_vector_type(LOSSKIT_LANES)));
typedef double wide __attribute__((ext_vector_type(LOSSKIT_LANES)));

/* The larger; b if either is NaN. */
LOSSKIT_INLINE vector larger(vector a, vector b) { return a > b ? a : b; }

/* a · b + c, rounded once if the processor can. */
LOSSKIT_INLINE vector multiply_add(vector a, vector b, vector c) {
#if LOSSKIT_LEVEL > 1 || defined(__aarch64__)
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

/* The sum of the lanes in double, in a fixed order. */
LOSSKIT_INLINE double sum_of_lanes(vector value) {
  const wide lanes = __builtin_convertvector(value, wide);
  double sum = 0;
  for (int lane = 0; lane < LOSSKIT_LANES; lane++) sum += lanes[lane];
  return sum;
}

LOSSKIT_INLINE float largest_lane(vector value) {
  float largest = value[0];
  for (int lane = 1; lane < LOSSKIT_LANES; lane++) largest = value[lane] > largest ? value[lane] : largest;
  return largest;
}
