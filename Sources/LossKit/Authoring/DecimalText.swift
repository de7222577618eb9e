/// The shortest decimal that reads back as the same double, for messages and formulas. Whole numbers have no ".0"; other values are
/// `NaN`, `infinity` and `-infinity`.
package func roundTripDecimal(_ value: Double) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value < 0 ? "-infinity" : "infinity" }
  let text = value.description
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
