/* A row is read in chunks that stay in the first-level cache while they are used more than once. A chunk is a whole number
 * of vectors of floats: in place if possible, otherwise converted, or padded with -inf, in a buffer. */

enum { CHUNK = 128 * LOSSKIT_LANES };

LOSSKIT_INLINE vector load_as(const void *row, int32_t type, size_t index) {
  if (type == LOSSKIT_FLOAT32) return load((const float *)row + index);
  shorts bits;
  __builtin_memcpy(&bits, (const uint16_t *)row + index, sizeof bits);
  if (type == LOSSKIT_FLOAT16) return half_to_float(bits);
  return from_bfloat16(bits);
}

LOSSKIT_INLINE void store_as(void *row, int32_t type, size_t index, vector value) {
  if (type == LOSSKIT_FLOAT32) {
    store((float *)row + index, value);
    return;
  }
  const shorts bits = type == LOSSKIT_FLOAT16 ? float_to_half(value) : to_bfloat16(value);
  __builtin_memcpy((uint16_t *)row + index, &bits, sizeof bits);
}

LOSSKIT_INLINE size_t element_size(int32_t type) { return type == LOSSKIT_FLOAT32 ? 4 : 2; }

/* The number of floats of a chunk of `count` elements, including padding. */
LOSSKIT_INLINE size_t padded(size_t count) { return (count + LOSSKIT_LANES - 1) / LOSSKIT_LANES * LOSSKIT_LANES; }

/* The vector at `index`, which extends past the `count` elements, padded with -inf. */
LOSSKIT_INLINE vector load_last(const void *row, int32_t type, size_t index, size_t count) {
  uint32_t last[LOSSKIT_LANES] = {0};
  const size_t size = element_size(type), rest = count - index;
  __builtin_memcpy(last, (const char *)row + index * size, rest * size);
  vector value = load_as(last, type, 0);
  for (size_t lane = rest; lane < LOSSKIT_LANES; lane++) value[lane] = -__builtin_inff();
  return value;
}

LOSSKIT_INLINE void store_last(void *row, int32_t type, size_t index, size_t count, vector value) {
  uint32_t last[LOSSKIT_LANES];
  const size_t size = element_size(type);
  store_as(last, type, 0, value);
  __builtin_memcpy((char *)row + index * size, last, (count - index) * size);
}

/* Whether a chunk's floats can be used in place. */
LOSSKIT_INLINE int in_place(int32_t type, size_t count) { return type == LOSSKIT_FLOAT32 && count == padded(count); }

/* The floats of a chunk, in `row` itself or in `buffer`. */
LOSSKIT_INLINE const float *read_chunk(const void *row, int32_t type, size_t count, float *buffer) {
  if (in_place(type, count)) return (const float *)row;
  const size_t whole = count / LOSSKIT_LANES * LOSSKIT_LANES;
  for (size_t index = 0; index < whole; index += LOSSKIT_LANES) store(buffer + index, load_as(row, type, index));
  if (whole < count) store(buffer + whole, load_last(row, type, whole, count));
  return buffer;
}

/* Stores the floats of `buffer` as a chunk. */
LOSSKIT_INLINE void store_chunk(const float *buffer, size_t count, void *row, int32_t type) {
  const size_t whole = count / LOSSKIT_LANES * LOSSKIT_LANES;
  for (size_t index = 0; index < whole; index += LOSSKIT_LANES) store_as(row, type, index, load(buffer + index));
  if (whole < count) store_last(row, type, whole, count, load(buffer + whole));
}

/* The largest value that is not NaN, of whole vectors of floats. */
LOSSKIT_INLINE float largest_of(const float *x, size_t count) {
  vector largest[4];
  for (int k = 0; k < 4; k++) largest[k] = (vector)-__builtin_inff();
  size_t index = 0;
  for (; index + 4 * LOSSKIT_LANES <= count; index += 4 * LOSSKIT_LANES)
    for (int k = 0; k < 4; k++) largest[k] = larger(load(x + index + k * LOSSKIT_LANES), largest[k]);
  for (; index < count; index += LOSSKIT_LANES) largest[0] = larger(load(x + index), largest[0]);
  return largest_lane(larger(larger(largest[0], largest[1]), larger(largest[2], largest[3])));
}
