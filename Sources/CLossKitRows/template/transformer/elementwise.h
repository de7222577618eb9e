static float dot(const float *x, const float *y, size_t count) {
  vector sum = 0;
  FOR_EACH_VECTOR(count, { sum = multiply_add(get(x + index, rest), get(y + index, rest), sum); });
  return fold(sum);
}

static void add(float *target, const float *source, size_t count) {
  FOR_EACH_VECTOR(count, { put(target + index, get(target + index, rest) + get(source + index, rest), rest); });
}

static void add_scaled(float *target, const float *source, float scale, size_t count) {
  FOR_EACH_VECTOR(count, {
    put(target + index, multiply_add(get(source + index, rest), (vector)scale, get(target + index, rest)), rest);
  });
}

static void rotate(const float *x, const float *cosines, const float *sines, float sign, float *y, size_t half) {
  FOR_EACH_VECTOR(half, {
    const vector first = get(x + index, rest);
    const vector second = get(x + half + index, rest);
    const vector cosine = get(cosines + index, rest);
    const vector sine = get(sines + index, rest) * sign;
    put(y + index, first * cosine - second * sine, rest);
    put(y + half + index, second * cosine + first * sine, rest);
  });
}
