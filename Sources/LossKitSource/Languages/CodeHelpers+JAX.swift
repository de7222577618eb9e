extension CodeHelpers {
  /// Those of JAX.
  static let jax: [(name: String, source: String)] = [
    check,
    (
      "_split",
      """
      def _split(name, column, rows, other=None):
          _check(name, column.shape, rows, other)
          return jnp.reshape(column, (rows, -1))
      """
    ),
    (
      "_within",
      """
      def _within(x, dtype):
          # The nearest number that the type has; float32 has neither 1e-300 nor 1e300.
          limits = jnp.finfo(dtype)
          return math.copysign(min(max(abs(x), float(limits.tiny)), float(limits.max)), x)
      """
    ),
    ("_stopped", "def _stopped(x):\n    return jax.lax.stop_gradient(x)"),
    ("_sigmoid", "def _sigmoid(x):\n    return jax.nn.sigmoid(x)"),
    ("_logsigmoid", "def _logsigmoid(x):\n    return jnp.minimum(x, 0.0) - jnp.log1p(jnp.exp(-jnp.abs(x)))"),
    ("_softplus", "def _softplus(x):\n    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))"),
    (
      "_log1mexp",
      """
      def _log1mexp(x):
          return jnp.where(x > -math.log(2.0), jnp.log(-jnp.expm1(x)), jnp.log1p(-jnp.exp(x)))
      """
    ),
    ("_square", "def _square(x):\n    return x * x"),
    ("_relu", "def _relu(x):\n    return jnp.maximum(x, 0.0)"),
    ("_sign", "def _sign(x):\n    return jnp.sign(x)"),
    ("_minimum", "def _minimum(a, b):\n    return jnp.minimum(a, b)"),
    ("_maximum", "def _maximum(a, b):\n    return jnp.maximum(a, b)"),
    ("_clamp", "def _clamp(x, lower, upper):\n    return jnp.minimum(jnp.maximum(x, lower), upper)"),
    ("_select", "def _select(condition, a, b):\n    return jnp.where(condition > 0, a, b)"),
    (
      "_annihilate",
      """
      def _annihilate(a, b):
          # A zero factor of the gradient annihilates whatever it meets, infinity too.
          return jnp.where(a == 0, 0.0, a * b)
      """
    ),
    ("_mean", "def _mean(x, like):\n    return jnp.mean(_rows(x, like))"),
    ("_sorted", "def _sorted(x, like):\n    return jnp.sort(_rows(x, like))"),
    (
      "_unsorted",
      """
      def _unsorted(x, key, like):
          back = jnp.argsort(jnp.argsort(_rows(key, like), stable=True), stable=True)
          return _rows(x, like)[back]
      """
    ),
    ("_rows", "def _rows(x, like):\n    return jnp.broadcast_to(jnp.asarray(x, dtype=like.dtype), like.shape)"),
  ]
}
