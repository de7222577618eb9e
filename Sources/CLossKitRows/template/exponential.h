/* exp of floats up to 88, within 1.5 ulp; 0 below -88.37, where results are subnormal or nearly so, and at -inf; NaN for
 * NaN.
 *
 * exp(a) = 2^n · exp(r), with n the nearest integer to a / log 2 and |r| <= (log 2) / 2. The polynomial is the minimax one
 * of degree 6 with constant and slope 1 on that interval, with a relative error of 3.1e-9. Adding SHIFT rounds to the
 * integer and leaves n + 127, the exponent field of 2^n, in the sum's last bits: 0 if n is -127. */

static const float SHIFT = 0x1.8p23f + 127;
/* log 2 in two parts; the product of a small integer with the first is exact. */
static const float LOG2_HIGH = 0.693359375f, LOG2_LOW = -2.12194440e-4f;
static const float LEAST = -88.37f;

LOSSKIT_INLINE vector exponential(vector a) {
  a = larger((vector)LEAST, a);
  const vector shifted = multiply_add(a, (vector)1.44269504f, (vector)SHIFT);
  const vector n = shifted - SHIFT;
  vector r = multiply_add(n, (vector)-LOG2_HIGH, a);
  r = multiply_add(n, (vector)-LOG2_LOW, r);
  vector p = multiply_add(r, (vector)1.38145402e-3f, (vector)8.36874511e-3f);
  p = multiply_add(p, r, (vector)4.16683908e-2f);
  p = multiply_add(p, r, (vector)0.166665204f);
  p = multiply_add(p, r, (vector)0.499999934f);
  p = multiply_add(p, r, (vector)1);
  p = multiply_add(p, r, (vector)1);
  const words power = __builtin_bit_cast(words, shifted) << 23;
  return p * __builtin_bit_cast(vector, power);
}

static void exponentials(const float *arguments, size_t count, float *results) {
  for (size_t start = 0; start < count; start += LOSSKIT_LANES) {
    const size_t rest = count - start < LOSSKIT_LANES ? count - start : LOSSKIT_LANES;
    vector value = 0;
    __builtin_memcpy(&value, arguments + start, rest * sizeof(float));
    value = exponential(value);
    __builtin_memcpy(results + start, &value, rest * sizeof(float));
  }
}
