extension CodeHelpers {
  /// The helpers for PyTorch.
  static let torch: [(name: String, source: String)] =
    [
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
    ] + operations(.torch) + [
      (
        "_rows",
        """
        def _rows(x, like):
            if not torch.is_tensor(x):
                return torch.full_like(like, x)
            return x.expand(like.shape)
        """
      )
    ]
}
