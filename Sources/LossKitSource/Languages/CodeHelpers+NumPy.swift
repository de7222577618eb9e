extension CodeHelpers {
  /// Those of NumPy.
  static let numpy: [(name: String, source: String)] = [
    check,
    (
      "_split",
      """
      def _split(name, column, rows, other=None):
          column = np.asarray(column, dtype=np.float64)
          _check(name, column.shape, rows, other)
          return column.reshape(rows, -1)
      """
    ),
    (
      "_sigmoid",
      """
      def _sigmoid(x):
          e = np.exp(-np.abs(x))
          return np.where(np.asarray(x) >= 0, 1.0, e) / (1.0 + e)
      """
    ),
    (
      "_logsigmoid",
      """
      def _logsigmoid(x):
          return np.minimum(x, 0.0) - np.log1p(np.exp(-np.abs(x)))
      """
    ),
    (
      "_softplus",
      """
      def _softplus(x):
          return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))
      """
    ),
    (
      "_log1mexp",
      """
      def _log1mexp(x):
          return np.where(np.asarray(x) > -math.log(2.0), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))
      """
    ),
    ("_square", "def _square(x):\n    return x * x"),
    ("_relu", "def _relu(x):\n    return np.maximum(x, 0.0)"),
    ("_sign", "def _sign(x):\n    return np.sign(x)"),
    ("_minimum", "def _minimum(a, b):\n    return np.minimum(a, b)"),
    ("_maximum", "def _maximum(a, b):\n    return np.maximum(a, b)"),
    ("_clamp", "def _clamp(x, lower, upper):\n    return np.where(x < lower, lower, np.where(x > upper, upper, x))"),
    ("_select", "def _select(condition, a, b):\n    return np.where(np.asarray(condition) > 0, a, b)"),
    (
      "_annihilate",
      """
      def _annihilate(a, b):
          # A zero factor of the gradient annihilates whatever it meets, infinity too.
          return np.where(np.asarray(a) == 0, 0.0, a * b)
      """
    ),
    ("_mean", "def _mean(x, like):\n    return np.mean(x)"),
    ("_sorted", "def _sorted(x, like):\n    return np.sort(_rows(x, like), kind=\"stable\")"),
    (
      "_unsorted",
      """
      def _unsorted(x, key, like):
          back = np.argsort(np.argsort(_rows(key, like), kind="stable"), kind="stable")
          return _rows(x, like)[back]
      """
    ),
    (
      "_uniform",
      """
      def _uniform(seed, stream, like):
          # SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): numbers in (0, 1) that seed, stream and row decide.
          def mix(z):
              z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
              z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
              return z ^ (z >> np.uint64(31))
          step, mask = 0x9E3779B97F4A7C15, (1 << 64) - 1
          start = mix(np.array([(seed + step * (stream + 1)) & mask], dtype=np.uint64))
          rows = np.arange(1, len(like) + 1, dtype=np.uint64) * np.uint64(step)
          return ((mix(start + rows) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
      """
    ),
    (
      "_random_rank",
      """
      def _random_rank(keys, owner, token_offsets):
          # The place of a token, from 0, in the order of its response's keys.
          rank = np.empty(owner.size)
          rank[np.lexsort((keys, owner))] = np.arange(owner.size) - np.asarray(token_offsets)[owner]
          return rank
      """
    ),
    ("_rows", "def _rows(x, like):\n    return np.broadcast_to(np.asarray(x, dtype=np.float64), like.shape)"),
  ]
}
