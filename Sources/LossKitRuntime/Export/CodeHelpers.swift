/// The functions that generated code is written with where a language has none that is stable, each under its name.
enum CodeHelpers {
  /// The helpers that `code` calls, and those that they call, in an order in which each stands before its use.
  static func used(in code: String, _ language: CodeLanguage) -> [String] {
    let all = helpers(language)
    var needed: Set<String> = []
    var texts = [code]
    while let text = texts.popLast() {
      for (name, source) in all where !needed.contains(name) && text.contains(name + "(") {
        needed.insert(name)
        texts.append(source)
      }
    }
    return all.filter { needed.contains($0.name) }.map(\.source)
  }

  private static func helpers(_ language: CodeLanguage) -> [(name: String, source: String)] {
    switch language {
    case .numpy: numpy
    case .torch: torch
    case .jax: jax
    case .c: c
    }
  }

  private static let check = (
    name: "_check",
    source: """
    def _check(name, shape, rows, other):
        # A column has its rows below each other or end to end; they are as long as those of the other column.
        is_flat = len(shape) == 1 and shape[0] % rows == 0
        if not is_flat and (len(shape) < 2 or math.prod(shape[:-1]) != rows):
            raise ValueError(f"{name}: a column of {rows} rows is needed, not one of shape {tuple(shape)}")
        length = shape[0] // rows if is_flat else shape[-1]
        if other is not None and length != other[0].shape[0]:
            raise ValueError(f"{name}: its rows have {length} entries, those of other columns {other[0].shape[0]}")
    """
  )

  private static let numpy: [(name: String, source: String)] = [
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

  private static let torch: [(name: String, source: String)] = [
    (
      "_kind",
      """
      def _kind(column):
          # Computed in double where the device has it.
          column = column[0] if isinstance(column, tuple) else column
          has_double = column.device.type in ("cpu", "cuda", "meta")
          return torch.float64 if has_double else torch.float32, column.device
      """
    ),
    (
      "_narrowed",
      """
      def _narrowed(x, column):
          # A result in the type of the column, float32 at least.
          column = column[0] if isinstance(column, tuple) else column
          return x.to(torch.promote_types(column.dtype, torch.float32))
      """
    ),
    (
      "_within",
      """
      def _within(x, dtype):
          # The nearest number that the type has; float32 has neither 1e-300 nor 1e300.
          limits = torch.finfo(dtype)
          return math.copysign(min(max(abs(x), limits.tiny), limits.max), x)
      """
    ),
    check,
    (
      "_number",
      """
      def _number(x, dtype, device):
          if not torch.is_tensor(x):
              return torch.full((), x, dtype=dtype, device=device)
          return x.to(device, dtype)
      """
    ),
    (
      "_split",
      """
      def _split(name, column, rows, dtype, other=None):
          # A tuple has the rows one by one.
          if isinstance(column, tuple):
              _check(name, (len(column), *column[0].shape), rows, other)
              return tuple(row.to(dtype) for row in column)
          _check(name, column.shape, rows, other)
          return column.to(dtype).reshape(rows, -1)
      """
    ),
    (
      "_joined",
      """
      def _joined(rows, column):
          if isinstance(column, tuple):
              return tuple(row.reshape(part.shape).to(part.dtype) for row, part in zip(rows, column))
          return torch.stack(rows).reshape(column.shape).to(column.dtype)
      """
    ),
    (
      "_both",
      """
      def _both(a, b):
          if not torch.is_tensor(a):
              a = torch.as_tensor(a, dtype=b.dtype, device=b.device)
          if not torch.is_tensor(b):
              b = torch.as_tensor(b, dtype=a.dtype, device=a.device)
          return a, b
      """
    ),
    ("_sigmoid", "def _sigmoid(x):\n    return torch.sigmoid(x)"),
    ("_logsigmoid", "def _logsigmoid(x):\n    return x.clamp(max=0) - torch.log1p(torch.exp(-x.abs()))"),
    ("_softplus", "def _softplus(x):\n    return x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))"),
    (
      "_log1mexp",
      """
      def _log1mexp(x):
          return torch.where(x > -math.log(2.0), torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x)))
      """
    ),
    ("_square", "def _square(x):\n    return x * x"),
    ("_stopped", "def _stopped(x):\n    return x.detach()"),
    ("_relu", "def _relu(x):\n    return torch.relu(x)"),
    ("_sign", "def _sign(x):\n    return torch.sign(x)"),
    ("_minimum", "def _minimum(a, b):\n    return torch.minimum(*_both(a, b))"),
    ("_maximum", "def _maximum(a, b):\n    return torch.maximum(*_both(a, b))"),
    ("_clamp", "def _clamp(x, lower, upper):\n    return _minimum(_maximum(x, lower), upper)"),
    (
      "_select",
      """
      def _select(condition, a, b):
          a, b = (v if torch.is_tensor(v) else torch.full_like(condition, v) for v in (a, b))
          return torch.where(condition > 0, a, b)
      """
    ),
    (
      "_annihilate",
      """
      def _annihilate(a, b):
          # A zero factor of the gradient annihilates whatever it meets, infinity too.
          product = a * b
          return torch.where(a == 0, torch.zeros_like(product), product)
      """
    ),
    ("_mean", "def _mean(x, like):\n    return _rows(x, like).mean()"),
    ("_sorted", "def _sorted(x, like):\n    return torch.sort(_rows(x, like), stable=True).values"),
    (
      "_unsorted",
      """
      def _unsorted(x, key, like):
          back = torch.argsort(torch.argsort(_rows(key, like), stable=True), stable=True)
          return _rows(x, like)[back]
      """
    ),
    (
      "_rows",
      """
      def _rows(x, like):
          if not torch.is_tensor(x):
              return torch.full_like(like, x)
          return x.expand(like.shape)
      """
    ),
  ]

  private static let jax: [(name: String, source: String)] = [
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

  private static let c: [(name: String, source: String)] = [
    (
      "lk_sigmoid",
      """
      static double lk_sigmoid(double x) {
        double e = exp(-fabs(x));
        return (x >= 0 ? 1 : e) / (1 + e);
      }
      """
    ),
    ("lk_logsigmoid", "static double lk_logsigmoid(double x) { return (x < 0 ? x : 0) - log1p(exp(-fabs(x))); }"),
    ("lk_softplus", "static double lk_softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }"),
    (
      "lk_log1mexp",
      "static double lk_log1mexp(double x) { return x > -0.6931471805599453 ? log(-expm1(x)) : log1p(-exp(x)); }"
    ),
    ("lk_square", "static double lk_square(double x) { return x * x; }"),
    ("lk_relu", "static double lk_relu(double x) { return x > 0 ? x : x != x ? x : 0; }"),
    ("lk_sign", "static double lk_sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x != x ? x : 0; }"),
    ("lk_minimum", "static double lk_minimum(double a, double b) { return a <= b || a != a ? a : b; }"),
    ("lk_maximum", "static double lk_maximum(double a, double b) { return a >= b || a != a ? a : b; }"),
    (
      "lk_clamp",
      "static double lk_clamp(double x, double lower, double upper) { return x < lower ? lower : x > upper ? upper : x; }"
    ),
    ("lk_select", "static double lk_select(double condition, double a, double b) { return condition > 0 ? a : b; }"),
    (
      "lk_annihilate",
      """
      /* A zero factor of the gradient annihilates whatever it meets, infinity too. */
      static double lk_annihilate(double a, double b) { return a == 0 ? 0 : a * b; }
      """
    ),
    (
      "lk_uniform",
      """
      /* SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a number in (0, 1) that seed, stream and row decide. */
      static uint64_t lk_mix(uint64_t z) {
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        return z ^ (z >> 31);
      }
      static double lk_uniform(uint64_t seed, uint64_t stream, uint64_t row) {
        const uint64_t step = UINT64_C(0x9E3779B97F4A7C15);
        return ((double)(lk_mix(lk_mix(seed + step * (stream + 1)) + step * (row + 1)) >> 11) + 0.5) * 0x1p-53;
      }
      """
    ),
    (
      "lk_random_rank",
      """
      /* The place of a row, from 0, among those of its response in the order of their uniform numbers. */
      static double lk_random_rank(uint64_t seed, uint64_t stream, size_t from, size_t to, size_t row) {
        const double key = lk_uniform(seed, stream, row);
        size_t rank = 0;
        for (size_t i = from; i < to; i++) {
          const double other = lk_uniform(seed, stream, i);
          if (other < key || (other == key && i < row)) rank++;
        }
        return (double)rank;
      }
      """
    ),
    (
      "lk_mean",
      """
      static double lk_sum(const double *x, size_t n) {
        double sum = 0;
        if (n > 32) return lk_sum(x, n / 2) + lk_sum(x + n / 2, n - n / 2);
        for (size_t i = 0; i < n; i++) sum += x[i];
        return sum;
      }
      static double lk_mean(const double *x, size_t n) { return n ? lk_sum(x, n) / (double)n : 0; }
      """
    ),
    (
      "lk_order",
      """
      typedef struct { double key; size_t row; } lk_entry;
      static int lk_compare(const void *a, const void *b) {
        const lk_entry *x = a, *y = b;
        int nan = (x->key != x->key) - (y->key != y->key);
        if (nan) return nan;
        if (x->key < y->key) return -1;
        if (x->key > y->key) return 1;
        return x->row < y->row ? -1 : 1;
      }
      static void lk_order(lk_entry *entries, const double *key, size_t n) {
        for (size_t i = 0; i < n; i++) entries[i] = (lk_entry){key[i], i};
        qsort(entries, n, sizeof *entries, lk_compare);
      }
      """
    ),
  ]
}
