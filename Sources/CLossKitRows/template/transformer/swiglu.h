/* 1 + exp(-gate), with -gate limited to the exponential's range; outside it, the sigmoid of a gate is practically 0. */
LOSSKIT_INLINE vector one_and_exponential(vector gate) { return exponential(-larger((vector)-88, gate)) + 1; }

LOSSKIT_INLINE void swiglu_as(const float *gate, const float *up, void *output, int is_rounded, size_t count) {
  FOR_EACH_VECTOR(count, {
    const vector g = get(gate + index, rest);
    put_as(output, is_rounded, index, g / one_and_exponential(g) * get(up + index, rest), rest);
  });
}

static void swiglu(const float *gate, const float *up, void *output, int is_rounded, size_t count) {
  if (is_rounded)
    swiglu_as(gate, up, output, 1, count);
  else
    swiglu_as(gate, up, output, 0, count);
}

LOSSKIT_INLINE void swiglu_gradient_as(const float *gate, const float *up, const float *cotangent, void *output,
                                       void *gate_gradient, void *up_gradient, int is_rounded, size_t count) {
  FOR_EACH_VECTOR(count, {
    const vector g = get(gate + index, rest);
    const vector u = get(up + index, rest);
    const vector d = get(cotangent + index, rest);
    const vector sigmoid = 1 / one_and_exponential(g);
    const vector silu = g * sigmoid;
    put_as(output, is_rounded, index, silu * u, rest);
    put_as(up_gradient, is_rounded, index, d * silu, rest);
    put_as(gate_gradient, is_rounded, index, d * u * (sigmoid + silu * (1 - sigmoid)), rest);
  });
}

static void swiglu_gradient(const float *gate, const float *up, const float *cotangent, void *output,
                            void *gate_gradient, void *up_gradient, int is_rounded, size_t count) {
  if (is_rounded)
    swiglu_gradient_as(gate, up, cotangent, output, gate_gradient, up_gradient, 1, count);
  else
    swiglu_gradient_as(gate, up, cotangent, output, gate_gradient, up_gradient, 0, count);
}
