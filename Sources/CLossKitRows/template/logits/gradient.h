/* The gradient of a row, from its log-sum-exp, which is split into the nearest float and a remainder: the difference of a
 * logit and the float is exact where it matters, and the remainder becomes a factor of all probabilities. */

typedef struct gradient_scale {
  float nearest; /* of the log-sum-exp */
  float rest;    /* log-sum-exp - nearest */
  float factor;  /* exp(-rest) */
} gradient_scale;

static gradient_scale scale_of(double log_sum_exp) {
  const float nearest = (float)log_sum_exp;
  const double rest = log_sum_exp - nearest;
  return (gradient_scale){.nearest = nearest, .rest = (float)rest, .factor = (float)exp(-rest)};
}

/* out = π · slope */
LOSSKIT_INLINE void scaled_probabilities(const float *x, size_t count, float nearest, float slope, float *out) {
  size_t index = 0;
  for (; index + 4 * LOSSKIT_LANES <= count; index += 4 * LOSSKIT_LANES)
    for (int k = 0; k < 4; k++) {
      const size_t at = index + k * LOSSKIT_LANES;
      store(out + at, exponential(load(x + at) - nearest) * slope);
    }
  for (; index < count; index += LOSSKIT_LANES) store(out + index, exponential(load(x + index) - nearest) * slope);
}

LOSSKIT_INLINE void all_slopes(const float *x, const float *y, size_t count, gradient_scale own, gradient_scale other,
                               const losskit_row_slopes *slopes, float *out) {
  const float constant = (float)slopes->constant, linear = (float)slopes->linear;
  const float logarithmic = (float)slopes->logarithmic, reference = (float)(slopes->reference * other.factor);
  for (size_t index = 0; index < count; index += LOSSKIT_LANES) {
    const vector distance = larger((vector)LEAST, load(x + index) - own.nearest);
    const vector probability = exponential(distance) * own.factor;
    vector slope = multiply_add(probability, (vector)linear, (vector)constant);
    slope = multiply_add(distance - own.rest, (vector)logarithmic, slope) * probability;
    if (y) slope -= exponential(load(y + index) - other.nearest) * reference;
    store(out + index, slope);
  }
}

LOSSKIT_INLINE void gradient_of(const void *row, int32_t type, const void *reference, int32_t reference_type,
                                size_t count, const losskit_row_slopes *slopes, void *gradient) {
  _Alignas(64) float buffer[CHUNK], reference_buffer[CHUNK];
  const gradient_scale own = scale_of(slopes->log_sum_exp), other = scale_of(slopes->reference_log_sum_exp);
  const int only_constant = slopes->linear == 0 && slopes->logarithmic == 0 && !reference;
  const float constant = (float)(slopes->constant * own.factor);
  const size_t size_of_element = element_size(type);
  for (size_t start = 0; start < count; start += CHUNK) {
    const size_t size = count - start < CHUNK ? count - start : CHUNK;
    const float *const x = read_chunk((const char *)row + start * size_of_element, type, size, buffer);
    char *const target = (char *)gradient + start * size_of_element;
    /* Floats that need no padding are written in place. */
    float *const out = in_place(type, size) ? (float *)target : buffer;
    if (only_constant) {
      scaled_probabilities(x, padded(size), own.nearest, constant, out);
    } else {
      const float *y = NULL;
      if (reference) {
        const char *const there = (const char *)reference + start * element_size(reference_type);
        y = read_chunk(there, reference_type, size, reference_buffer);
      }
      all_slopes(x, y, padded(size), own, other, slopes, out);
    }
    if (out == buffer) store_chunk(buffer, size, target, type);
  }
}
