/* Vectors of LOSSKIT_LANES floats, and their neighbours of the same lanes in other types. Included once by each level's
 * source, which has defined
 *   LOSSKIT_LANES    floats in a vector
 *   LOSSKIT_HAS_FMA  where a multiply-add is one instruction */

/* What is fused is written as fused: otherwise a result would depend on what the compiler happened to fuse. */
#pragma clang fp contract(off)

typedef float vector __attribute__((ext_vector_type(LOSSKIT_LANES)));
typedef int32_t signed_words __attribute__((ext_vector_type(LOSSKIT_LANES)));
typedef uint32_t words __attribute__((ext_vector_type(LOSSKIT_LANES)));
typedef uint16_t shorts __attribute__((ext_vector_type(LOSSKIT_LANES)));
typedef double wide __attribute__((ext_vector_type(LOSSKIT_LANES)));

#define LOSSKIT_INLINE static inline __attribute__((always_inline))

LOSSKIT_INLINE vector load(const float *address) {
  vector value;
  __builtin_memcpy(&value, address, sizeof value);
  return value;
}

LOSSKIT_INLINE void store(float *address, vector value) { __builtin_memcpy(address, &value, sizeof value); }

/* The larger, or b where either is NaN. */
LOSSKIT_INLINE vector larger(vector a, vector b) { return a > b ? a : b; }

/* a · b + c, rounded once where the processor can. */
LOSSKIT_INLINE vector multiply_add(vector a, vector b, vector c) {
#ifdef LOSSKIT_HAS_FMA
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

/* Rounded to nearest, ties to even; NaN stays NaN. */
LOSSKIT_INLINE shorts to_bfloat16(vector value) {
  const words bits = __builtin_bit_cast(words, value);
  const words rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return __builtin_convertvector(value != value ? (bits >> 16 | 0x40) : rounded, shorts);
}

LOSSKIT_INLINE vector from_bfloat16(shorts bits) {
  return __builtin_bit_cast(vector, __builtin_convertvector(bits, words) << 16);
}
