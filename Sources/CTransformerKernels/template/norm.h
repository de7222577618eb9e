static void norm(const float *x, float inverse, const float *weight, float *output, size_t count) {
  FOR_EACH_VECTOR(count, { put(output + index, get(x + index, rest) * inverse * get(weight + index, rest), rest); });
}

static void norm_gradient(const float *x, float inverse, const float *weight, const float *cotangent, float *gradient,
                          float *weight_gradient, size_t count) {
  vector projections = 0;
  FOR_EACH_VECTOR(count, {
    projections =
        multiply_add(get(x + index, rest) * get(cotangent + index, rest), get(weight + index, rest), projections);
  });
  const float pull = sum_of_lanes(projections) * inverse * inverse * inverse / (float)count;
  FOR_EACH_VECTOR(count, {
    const vector value = get(x + index, rest);
    const vector scaled = get(cotangent + index, rest) * inverse;
    put(gradient + index, get(gradient + index, rest) + (scaled * get(weight + index, rest) - value * pull), rest);
    put(weight_gradient + index, multiply_add(scaled, value, get(weight_gradient + index, rest)), rest);
  });
}
