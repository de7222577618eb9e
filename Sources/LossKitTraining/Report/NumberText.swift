import LossKitSystem

/// A number with a fixed number of decimals; "–" if it is not finite.
func fixed(_ value: Double, _ decimals: Int) -> String {
  guard value.isFinite else { return "–" }
  guard value.magnitude < 1e15 else { return "\(value)" }
  let scale = pow(10, Double(decimals))
  let units = (value.magnitude * scale).rounded()
  guard units < 9e18 else { return "\(value)" }
  let digits = String(UInt64(units))
  let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
  let sign = value < 0 && units > 0 ? "-" : ""
  return sign + (decimals == 0 ? padded : "\(padded.dropLast(decimals)).\(padded.suffix(decimals))")
}

/// A number with about four significant digits; "–" if it is not finite.
func significant(_ value: Double) -> String {
  guard value.isFinite else { return "–" }
  guard value != 0 else { return "0" }
  let magnitude = Int(log10(value.magnitude).rounded(.down))
  guard (-4..<7).contains(magnitude) else {
    let exponent = pow(10, Double(magnitude))
    return "\(fixed(value / exponent, 2))e\(magnitude)"
  }
  return fixed(value, min(6, max(0, 3 - magnitude)))
}

/// A number for a chart: four significant digits, a minus sign (U+2212), and no trailing zeros.
func brief(_ value: Double) -> String {
  if value.magnitude >= 1e5, value.isFinite {
    let magnitude = log10(value.magnitude).rounded(.down)
    return "\(fixed(value / pow(10, magnitude), 2).replacingMinus)e\(Int(magnitude))"
  }
  let text = significant(value)
  guard text.contains("."), !text.contains("e") else { return text.replacingMinus }
  var digits = text[...]
  while digits.last == "0" { digits.removeLast() }
  return String(digits.last == "." ? digits.dropLast() : digits).replacingMinus
}

/// A duration in seconds as text: `8 s`, `2 min 5 s`, `1 h 12 min`.
func duration(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds < 1e9 else { return "–" }
  let whole = Int(max(0, seconds).rounded())
  if whole < 60 { return "\(whole) s" }
  if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
  return "\(whole / 3600) h \(whole / 60 % 60) min"
}
