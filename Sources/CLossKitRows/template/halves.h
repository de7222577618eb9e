/* Conversion between floats and the two 16-bit formats, rounded to nearest, ties to even. */

/* NaN stays NaN. */
LOSSKIT_INLINE shorts to_bfloat16(vector value) {
  const words bits = __builtin_bit_cast(words, value);
  const words rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return __builtin_convertvector(value != value ? (bits >> 16 | 0x40) : rounded, shorts);
}

LOSSKIT_INLINE vector from_bfloat16(shorts bits) {
  return __builtin_bit_cast(vector, __builtin_convertvector(bits, words) << 16);
}

#if LOSSKIT_LEVEL == 3
LOSSKIT_INLINE vector half_to_float(shorts half) { return (vector)_mm512_cvtph_ps((__m256i)half); }

LOSSKIT_INLINE shorts float_to_half(vector value) {
  return (shorts)_mm512_cvtps_ph((__m512)value, _MM_FROUND_TO_NEAREST_INT);
}
#elif LOSSKIT_LEVEL == 2
LOSSKIT_INLINE vector half_to_float(shorts half) { return (vector)_mm256_cvtph_ps((__m128i)half); }

LOSSKIT_INLINE shorts float_to_half(vector value) {
  return (shorts)_mm256_cvtps_ph((__m256)value, _MM_FROUND_TO_NEAREST_INT);
}
#else
LOSSKIT_INLINE vector half_to_float(shorts half) {
  const words bits = __builtin_convertvector(half, words);
  const words magnitude = (bits & 0x7fff) << 13;
  /* The exponent's bias differs by 112; the product is correct for subnormals, too. */
  const words finite = __builtin_bit_cast(words, __builtin_bit_cast(vector, magnitude) * 0x1p112f);
  return __builtin_bit_cast(vector, (magnitude >= 0x0f800000 ? magnitude | 0x7f800000 : finite) | (bits & 0x8000) << 16);
}

LOSSKIT_INLINE shorts float_to_half(vector value) {
  const words bits = __builtin_bit_cast(words, value);
  const words magnitude = bits & 0x7fffffff;
  const words normal = (magnitude + 0xc8000fff + (magnitude >> 13 & 1)) >> 13;
  /* Adding 1/2 leaves the rounded digits of the subnormal in the last bits. */
  const words small =
      __builtin_bit_cast(words, __builtin_bit_cast(vector, magnitude) + 0.5f) - __builtin_bit_cast(words, (vector)0.5f);
  const words finite = magnitude < 0x38800000 ? small : normal;
  const words result = magnitude >= 0x477ff000 ? (words)0x7c00 : finite;
  return __builtin_convertvector(result | (bits >> 16 & 0x8000), shorts);
}
#endif
