/* exp within 2 ulp between -87.3 and 88.3; 0 below (-inf included), the value at 88.3 above, NaN of NaN.
 *
 * Cody and Waite's reduction to |r| <= (log 2) / 2, then the polynomial of Cephes' expf. Adding 1.5 * 2^23 rounds to the
 * nearest integer and leaves it in the sum's last bits. */
LOSSKIT_INLINE vector exponential(vector a) {
  const vector least = -87.3f, most = 88.3f, magic = 12582912.0f;
  const vector clamped = a < least ? least : a > most ? most : a;
  const vector shifted = multiply_add(clamped, (vector)1.44269504f, magic);
  const vector n = shifted - magic;
  vector r = multiply_add(n, (vector)-0.693359375f, clamped);
  r = multiply_add(n, (vector)2.12194440e-4f, r);
  vector p = multiply_add(r, (vector)1.9875691500e-4f, (vector)1.3981999507e-3f);
  p = multiply_add(p, r, (vector)8.3334519073e-3f);
  p = multiply_add(p, r, (vector)4.1665795894e-2f);
  p = multiply_add(p, r, (vector)1.6666665459e-1f);
  p = multiply_add(p, r, (vector)5.0000001201e-1f);
  const vector mantissa = multiply_add(p, r * r, r) + 1;
  const words power = __builtin_bit_cast(words, shifted) << 23;
  const vector value = __builtin_bit_cast(vector, __builtin_bit_cast(words, mantissa) + power);
  return a != a ? a : a < least ? (vector)0 : value;
}
