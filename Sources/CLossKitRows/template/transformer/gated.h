/* Gated activations, g * sigmoid(z(g)) * up. z is g itself for silu; for the tanh form of GELU (Hendrycks and Gimpel 2016), where
 * x/2 * (1 + tanh(u)) = x * sigmoid(2 * u), it is the polynomial 2 * sqrt(2/pi) * (g + 0.044715 * g^3). */

/* 1 + exp(-z), with -z limited to the exponential's range; outside it, the sigmoid of z is practically 0. */
LOSSKIT_INLINE vector one_and_exponential(vector z) { return exponential(-larger((vector)-88, z)) + 1; }

static const float GELU_SLOPE = 1.595769122f, GELU_CUBIC = 0.044715f;

LOSSKIT_INLINE vector gate_argument(vector g, int is_gelu) {
  return is_gelu ? g * GELU_SLOPE * multiply_add(g * g, (vector)GELU_CUBIC, (vector)1) : g;
}

LOSSKIT_INLINE void gated_as(const float *gate, const float *up, void *output, int is_rounded, int is_gelu,
                             size_t count) {
  FOR_EACH_VECTOR(count, {
    const vector g = get(gate + index, rest);
    put_as(output, is_rounded, index, g / one_and_exponential(gate_argument(g, is_gelu)) * get(up + index, rest), rest);
  });
}

LOSSKIT_INLINE void gated_gradient_as(const float *gate, const float *up, const float *cotangent, void *output,
                                      void *gate_gradient, void *up_gradient, int is_rounded, int is_gelu,
                                      size_t count) {
  FOR_EACH_VECTOR(count, {
    const vector g = get(gate + index, rest);
    const vector u = get(up + index, rest);
    const vector d = get(cotangent + index, rest);
    const vector sigmoid = 1 / one_and_exponential(gate_argument(g, is_gelu));
    const vector active = g * sigmoid;
    const vector slope = is_gelu ? GELU_SLOPE * multiply_add(g * g, (vector)(3 * GELU_CUBIC), (vector)1) : (vector)1;
    put_as(output, is_rounded, index, active * u, rest);
    put_as(up_gradient, is_rounded, index, d * active, rest);
    put_as(gate_gradient, is_rounded, index, d * u * (sigmoid + active * (1 - sigmoid) * slope), rest);
  });
}

#define GATED(name, is_gelu)                                                                                           \
  static void name(const float *gate, const float *up, void *output, int is_rounded, size_t count) {                   \
    if (is_rounded)                                                                                                    \
      gated_as(gate, up, output, 1, is_gelu, count);                                                                   \
    else                                                                                                               \
      gated_as(gate, up, output, 0, is_gelu, count);                                                                   \
  }                                                                                                                    \
  static void name##_gradient(const float *gate, const float *up, const float *cotangent, void *output,                \
                              void *gate_gradient, void *up_gradient, int is_rounded, size_t count) {                  \
    if (is_rounded)                                                                                                    \
      gated_gradient_as(gate, up, cotangent, output, gate_gradient, up_gradient, 1, is_gelu, count);                   \
    else                                                                                                               \
      gated_gradient_as(gate, up, cotangent, output, gate_gradient, up_gradient, 0, is_gelu, count);                   \
  }

GATED(swiglu, 0)
GATED(geglu, 1)
#undef GATED
