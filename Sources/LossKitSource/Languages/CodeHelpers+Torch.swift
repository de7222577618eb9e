extension CodeHelpers {
  /// Those of PyTorch.
  static let torch: [(name: String, source: String)] = [
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
}
