static void exponentials(const float *arguments, size_t count, float *results) {
  for (size_t start = 0; start < count; start += LOSSKIT_LANES) {
    const size_t rest = count - start < LOSSKIT_LANES ? count - start : LOSSKIT_LANES;
    vector value = 0;
    __builtin_memcpy(&value, arguments + start, rest * sizeof(float));
    value = exponential(value);
    __builtin_memcpy(results + start, &value, rest * sizeof(float));
  }
}
