static void swiglu(const float *gate, const float *up, float *output, size_t count) {
  FOR_EACH_VECTOR(count, {
    const vector g = get(gate + index, rest);
    put(output + index, g / (exponential(-g) + 1) * get(up + index, rest), rest);
  });
}

static void swiglu_gradient(const float *gate, const float *up, const float *cotangent, float *output,
                            float *gate_gradient, float *up_gradient, size_t count) {
  FOR_EACH_VECTOR(count, {
    const vector g = get(gate + index, rest);
    const vector u = get(up + index, rest);
    const vector d = get(cotangent + index, rest);
    const vector sigmoid = 1 / (exponential(-g) + 1);
    const vector silu = g * sigmoid;
    put(output + index, silu * u, rest);
    put(up_gradient + index, d * silu, rest);
    put(gate_gradient + index, d * u * (sigmoid + silu * (1 - sigmoid)), rest);
  });
}
