/* Sums over a row, relative to a base about as large as the largest logit so far. When the base grows, the sums are scaled
 * down. */

/* How far a logit may exceed the base; its exponential is then still far from overflow. */
static const float SLACK = 16;

/* The prefetch distance in floats, longer than the hardware's. */
enum { AHEAD = 1024 };

/* Σ exp(x - base) of a chunk, and its largest logit; valid if that is at most SLACK above the base. */
LOSSKIT_INLINE double sum_of_exponentials(const float *x, size_t count, float base, float *maximum) {
  vector sums[4], largest[4];
  for (int k = 0; k < 4; k++) {
    sums[k] = 0;
    largest[k] = (vector)-__builtin_inff();
  }
  size_t index = 0;
  for (; index + 4 * LOSSKIT_LANES <= count; index += 4 * LOSSKIT_LANES)
    for (int k = 0; k < 4; k++) {
      const vector value = load(x + index + k * LOSSKIT_LANES);
      __builtin_prefetch(x + index + k * LOSSKIT_LANES + AHEAD);
      largest[k] = larger(value, largest[k]);
      sums[k] += exponential(value - base);
    }
  for (; index < count; index += LOSSKIT_LANES) {
    const vector value = load(x + index);
    largest[0] = larger(value, largest[0]);
    sums[0] += exponential(value - base);
  }
  *maximum = largest_lane(larger(larger(largest[0], largest[1]), larger(largest[2], largest[3])));
  return sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

/* The number of vectors that are summed as floats before the sum is added to one in double. */
enum { SUMMED = 32 };

/* Adds a chunk's Σ e, Σ e · (x - maximum) and Σ e². */
LOSSKIT_INLINE void add_all_sums(const float *x, size_t count, losskit_row_sums *total) {
  const float maximum = (float)total->maximum;
  for (size_t start = 0; start < count; start += SUMMED * LOSSKIT_LANES) {
    const size_t end = count - start < SUMMED * LOSSKIT_LANES ? count : start + SUMMED * LOSSKIT_LANES;
    vector sum = 0, first = 0, second = 0;
    for (size_t index = start; index < end; index += LOSSKIT_LANES) {
      /* Where e is 0 the difference may be -inf. */
      const vector distance = larger((vector)LEAST, load(x + index) - maximum), e = exponential(distance);
      sum += e;
      first = multiply_add(e, distance, first);
      second = multiply_add(e, e, second);
    }
    total->sum += sum_of_lanes(sum);
    total->first += sum_of_lanes(first);
    total->second += sum_of_lanes(second);
  }
}

/* Adds a chunk's sums over the reference's logits y. The difference is in double, because a divergence is a small
 * difference of large numbers. The sum is computed like the row's own, so that equal distributions have divergence 0. */
LOSSKIT_INLINE void add_difference(const float *x, const float *y, size_t count, losskit_row_sums *total) {
  const float maximum = (float)total->reference_maximum;
  const wide offset = (wide)(total->reference_maximum - total->maximum);
  wide weights = 0, difference = 0;
  for (size_t start = 0; start < count; start += SUMMED * LOSSKIT_LANES) {
    const size_t end = count - start < SUMMED * LOSSKIT_LANES ? count : start + SUMMED * LOSSKIT_LANES;
    vector sum = 0;
    for (size_t index = start; index < end; index += LOSSKIT_LANES) {
      const vector other = load(y + index), e = exponential(other - maximum);
      const wide weight = __builtin_convertvector(e, wide);
      const wide distance =
          __builtin_convertvector(other, wide) - __builtin_convertvector(load(x + index), wide) - offset;
      sum += e;
      weights += weight;
      /* Where the weight is 0 the difference may be infinite. */
      difference += weight == 0 ? (wide)0 : weight * distance;
    }
    total->reference_sum += sum_of_lanes(sum);
  }
  for (int lane = 0; lane < LOSSKIT_LANES; lane++) {
    total->weights += weights[lane];
    total->difference += difference[lane];
  }
}

/* Rescales the sums to a larger maximum. */
static void raise_maximum(losskit_row_sums *total, double maximum) {
  const double step = total->maximum - maximum, factor = exp(step);
  if (total->sum != 0) {
    total->first = factor * (total->first + step * total->sum);
    total->second *= factor * factor;
    total->sum *= factor;
  }
  if (total->weights != 0) total->difference -= step * total->weights;
  total->maximum = maximum;
}

static void raise_reference_maximum(losskit_row_sums *total, double maximum) {
  const double step = total->reference_maximum - maximum, factor = exp(step);
  if (total->weights != 0) {
    total->difference = factor * (total->difference + step * total->weights);
    total->weights *= factor;
    total->reference_sum *= factor;
  }
  total->reference_maximum = maximum;
}

/* Adds Σ e of a chunk and finds its largest logit in the same pass; a second pass is rarely needed. */
LOSSKIT_INLINE void add_sum(const float *x, size_t count, losskit_row_sums *total) {
  float maximum;
  double sum = sum_of_exponentials(x, count, (float)total->maximum, &maximum);
  if (maximum > (float)total->maximum + SLACK) {
    raise_maximum(total, maximum);
    sum = sum_of_exponentials(x, count, maximum, &maximum);
  }
  total->sum += sum;
}

LOSSKIT_INLINE losskit_row_sums sums_of(const void *row, int32_t type, const void *reference, int32_t reference_type,
                                        size_t count, int all) {
  _Alignas(64) float buffer[CHUNK], reference_buffer[CHUNK];
  /* Not -inf, because differences from -inf are undefined. */
  losskit_row_sums total = {.maximum = -FLT_MAX, .reference_maximum = -FLT_MAX};
  for (size_t start = 0; start < count; start += CHUNK) {
    const size_t size = count - start < CHUNK ? count - start : CHUNK;
    const char *const here = (const char *)row + start * element_size(type);
    const float *const x = read_chunk(here, type, size, buffer), *y = NULL;
    if (!all) {
      add_sum(x, padded(size), &total);
      continue;
    }
    const float maximum = largest_of(x, padded(size));
    if (maximum > total.maximum) raise_maximum(&total, maximum);
    if (reference) {
      const char *const there = (const char *)reference + start * element_size(reference_type);
      y = read_chunk(there, reference_type, size, reference_buffer);
      const float reference_maximum = largest_of(y, padded(size));
      if (reference_maximum > total.reference_maximum) raise_reference_maximum(&total, reference_maximum);
    }
    add_all_sums(x, padded(size), &total);
    if (y) add_difference(x, y, padded(size), &total);
  }
  return total;
}
