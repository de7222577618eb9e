extension CodeHelpers {
  /// The helpers for NumPy.
  static let numpy: [(name: String, source: String)] =
    [
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
    ] + operations(.numpy) + [
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
