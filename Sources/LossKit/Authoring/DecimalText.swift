/// A number as people read it, in messages and in formulas: the shortest decimal that reads back as the same double, whole numbers
/// without ".0"; `NaN`, `infinity` and `-infinity` where there is no decimal.
package func roundTripDecimal(_ value: Double) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value < 0 ? "-infinity" : "infinity" }
  let text = value.description
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
