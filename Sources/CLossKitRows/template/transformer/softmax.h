static void clear(float *values, size_t count) { __builtin_memset(values, 0, count * sizeof(float)); }

static float softmax(float *scores, size_t valid, size_t width) {
  vector maxima = -INFINITY;
  FOR_EACH_VECTOR(valid, {
    vector value = get(scores + index, rest);
    if (rest < LOSSKIT_LANES)
      for (size_t lane = rest; lane < LOSSKIT_LANES; lane++) value[lane] = -INFINITY;
    maxima = larger(maxima, value);
  });
  const float maximum = largest_lane(maxima);
  vector sums = 0;
  FOR_EACH_VECTOR(valid, {
    vector value = exponential(get(scores + index, rest) - maximum);
    if (rest < LOSSKIT_LANES)
      for (size_t lane = rest; lane < LOSSKIT_LANES; lane++) value[lane] = 0;
    put(scores + index, value, rest);
    sums += value;
  });
  const float sum = fold(sums);
  const float inverse = 1 / sum;
  FOR_EACH_VECTOR(valid, { put(scores + index, get(scores + index, rest) * inverse, rest); });
  clear(scores + valid, width - valid);
  return maximum + logf(sum);
}

static void softmax_gradient(float *scores, float *gradient, size_t valid, size_t width, float log_sum_exp, float mean,
                             float scale) {
  FOR_EACH_VECTOR(valid, {
    const vector probability = exponential(get(scores + index, rest) - log_sum_exp);
    put(scores + index, probability, rest);
    put(gradient + index, probability * (get(gradient + index, rest) - mean) * scale, rest);
  });
  clear(scores + valid, width - valid);
  clear(gradient + valid, width - valid);
}
