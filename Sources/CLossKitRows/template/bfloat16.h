static void round_to_bfloat16(const float *values, size_t count, uint16_t *rounded) {
  size_t index = 0;
  for (; index + LOSSKIT_LANES <= count; index += LOSSKIT_LANES) {
    const shorts bits = to_bfloat16(load(values + index));
    __builtin_memcpy(rounded + index, &bits, sizeof bits);
  }
  for (; index < count; index++) rounded[index] = to_bfloat16((vector)values[index])[0];
}

#define EXPAND(name, convert)                                                                                          \
  static void name(const uint16_t *source, size_t count, float *values) {                                              \
    size_t index = 0;                                                                                                  \
    for (; index + LOSSKIT_LANES <= count; index += LOSSKIT_LANES) {                                                   \
      shorts bits;                                                                                                     \
      __builtin_memcpy(&bits, source + index, sizeof bits);                                                            \
      store(values + index, convert(bits));                                                                            \
    }                                                                                                                  \
    for (; index < count; index++) values[index] = convert((shorts)source[index])[0];                                  \
  }

EXPAND(expand_bfloat16, from_bfloat16)
EXPAND(expand_half, half_to_float)
#undef EXPAND
