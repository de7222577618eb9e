extension CodeHelpers {
  /// The helpers for JAX.
  static let jax: [(name: String, source: String)] =
    [
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
    ] + operations(.jax) + [
      ("_rows", "def _rows(x, like):\n    return jnp.broadcast_to(jnp.asarray(x, dtype=like.dtype), like.shape)")
    ]
}
