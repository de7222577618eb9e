static void adam(float *weights, float *gradient, float *first, float *second, size_t count,
                 const losskit_adam *update) {
  FOR_EACH_VECTOR(count, {
    const vector slope = get(gradient + index, rest) * update->clip;
    const vector mean = update->beta1 * get(first + index, rest) + update->rest1 * slope;
    const vector square = update->beta2 * get(second + index, rest) + update->rest2 * slope * slope;
    const vector weight = get(weights + index, rest);
    const vector size = __builtin_elementwise_sqrt(square) * update->unbias + update->epsilon;
    put(first + index, mean, rest);
    put(second + index, square, rest);
    put(weights + index, weight - (update->decay * weight + update->size * mean / size), rest);
    put(gradient + index, (vector)0, rest);
  });
}
