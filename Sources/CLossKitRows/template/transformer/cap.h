/* The soft cap c * tanh(x / c), as c * (1 - 2 / (1 + exp(2x / c))). */
static void cap(float *values, float limit, size_t count) {
  const float rate = 2 / limit;
  FOR_EACH_VECTOR(count, {
    const vector x = get(values + index, rest) * rate;
    put(values + index, limit - 2 * limit / one_and_exponential(-x), rest);
  });
}

/* Multiplies a gradient by the cap's slope, 1 - (y / c)^2, at the capped values y. */
static void cap_gradient(const float *capped, float *gradient, float limit, size_t count) {
  const float rate = 1 / limit;
  FOR_EACH_VECTOR(count, {
    const vector y = get(capped + index, rest) * rate;
    put(gradient + index, get(gradient + index, rest) * (1 - y * y), rest);
  });
}
