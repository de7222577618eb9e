import LossKitSystem

/// Rounds to six significant digits, enough to compare.
func rounded(_ value: Double) -> Double {
  guard value != 0, value.isFinite else { return value }
  let scale = pow(10, 5 - log10(value.magnitude).rounded(.down))
  return scale.isFinite && scale >= 1e-15 ? (value * scale).rounded() / scale : value
}
