LOSSKIT_INLINE void norm_as(const float *x, float inverse, const float *weight, void *output, int is_rounded,
                            size_t count) {
  FOR_EACH_VECTOR(count, {
    put_as(output, is_rounded, index, get(x + index, rest) * inverse * get(weight + index, rest), rest);
  });
}

static void norm(const float *x, float inverse, const float *weight, void *output, int is_rounded, size_t count) {
  if (is_rounded)
    norm_as(x, inverse, weight, output, 1, count);
  else
    norm_as(x, inverse, weight, output, 0, count);
}

static void norm_gradient(const float *x, float inverse, const float *weight, const float *cotangent, float *gradient,
                          float *weight_gradient, size_t count) {
  vector projections = 0;
  FOR_EACH_VECTOR(count, {
    projections =
        multiply_add(get(x + index, rest) * get(cotangent + index, rest), get(weight + index, rest), projections);
  });
  const float pull = fold(projections) * inverse * inverse * inverse / (float)count;
  FOR_EACH_VECTOR(count, {
    const vector value = get(x + index, rest);
    const vector scaled = get(cotangent + index, rest) * inverse;
    put(gradient + index, get(gradient + index, rest) + (scaled * get(weight + index, rest) - value * pull), rest);
    put(weight_gradient + index, multiply_add(scaled, value, get(weight_gradient + index, rest)), rest);
  });
}
