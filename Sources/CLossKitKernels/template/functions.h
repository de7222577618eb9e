/* Functions that kernels compose from several operations. NaN gives NaN. */

#define LOSSKIT_FUNCTION static inline __attribute__((always_inline)) vector

/* exp(-|a|) never overflows; the sigmoid and its logarithm on both sides of zero follow from it. */
LOSSKIT_FUNCTION exp_negative_abs(vector a) { return vector_exp(-__builtin_elementwise_abs(a)); }

LOSSKIT_FUNCTION sigmoid(vector a, vector exponential) {
  return choose(a >= 0, broadcast(1), exponential) / (1 + exponential);
}

/* `logarithm` is log(1 + exp(-|a|)). */
LOSSKIT_FUNCTION log_sigmoid(vector a, vector logarithm) { return choose(a < 0, a, broadcast(0)) - logarithm; }

LOSSKIT_FUNCTION softplus(vector a, vector logarithm) { return choose(a > 0, a, broadcast(0)) + logarithm; }

/* 1 - exp(a) cancels near 0, and its logarithm near -infinity; each form is used where it is accurate. */
LOSSKIT_FUNCTION log1mexp(vector a) {
  const double minus_log2 = -0.69314718055994530942;
  return choose(a > minus_log2, vector_log(-vector_expm1(a)), vector_log1p(-vector_exp(a)));
}

LOSSKIT_FUNCTION sign(vector a) {
  const vector of_negative_or_zero = choose(a < 0, broadcast(-1), choose(a == 0, broadcast(0), a));
  return choose(a > 0, broadcast(1), of_negative_or_zero);
}
