LOSSKIT_INLINE void adam_as(float *weights, uint16_t *rounded, float *gradient, float *first, float *second,
                            size_t count, const losskit_adam *update) {
  FOR_EACH_VECTOR(count, {
    const vector slope = get(gradient + index, rest) * update->clip;
    const vector mean = update->beta1 * get(first + index, rest) + update->rest1 * slope;
    const vector square = update->beta2 * get(second + index, rest) + update->rest2 * slope * slope;
    const vector weight = get(weights + index, rest);
    const vector size = __builtin_elementwise_sqrt(square) * update->unbias + update->epsilon;
    const vector moved = weight - (update->decay * weight + update->size * mean / size);
    put(first + index, mean, rest);
    put(second + index, square, rest);
    put(weights + index, moved, rest);
    if (rounded) put_rounded(rounded + index, moved, rest);
    put(gradient + index, (vector)0, rest);
  });
}

static void adam(float *weights, uint16_t *rounded, float *gradient, float *first, float *second, size_t count,
                 const losskit_adam *update) {
  if (rounded)
    adam_as(weights, rounded, gradient, first, second, count, update);
  else
    adam_as(weights, NULL, gradient, first, second, count, update);
}
