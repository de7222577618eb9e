extension JSONParser {
  mutating func number() throws(JSONError) -> JSONNumber {
    let start = position
    let isNegative = takeByte(UInt8(ascii: "-"))
    var digits = Digits()
    if !takeByte(UInt8(ascii: "0")) { takeDigits(&digits) }
    var isWhole = position > start + (isNegative ? 1 : 0)
    if isWhole, takeByte(UInt8(ascii: ".")) {
      let before = position
      takeDigits(&digits)
      digits.exponent -= position - before
      isWhole = position > before
    }
    if isWhole, takeByte(UInt8(ascii: "e")) || takeByte(UInt8(ascii: "E")) { isWhole = takeExponent(&digits) }
    guard isWhole, position == endOfWord else {
      position = start
      throw unexpected("a value")
    }
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
    if let value = digits.exactValue { return JSONNumber(text: text, double: isNegative ? -value : value) }
    guard let value = Double(text), value.isFinite else {
      position = start
      let most = 40, shown = text.utf8.count > most ? "\(text.prefix(most))…" : text
      throw failure("\(shown) is beyond the range of a double")
    }
    return JSONNumber(text: text, double: value)
  }

  private mutating func takeDigits(_ digits: inout Digits) {
    while position < bytes.count, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[position] {
      digits.append(bytes[position] - UInt8(ascii: "0"))
      position += 1
    }
  }

  private mutating func takeExponent(_ digits: inout Digits) -> Bool {
    let isNegative = takeByte(UInt8(ascii: "-"))
    if !isNegative { _ = takeByte(UInt8(ascii: "+")) }
    var exponent = Digits()
    let before = position
    takeDigits(&exponent)
    digits.add(exponent: exponent, isNegative: isNegative)
    return position > before
  }

  private mutating func takeByte(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  /// The digits of a short number, which is converted without parsing its text: an integer below 2⁵³ multiplied or divided by a power of
  /// ten that a double represents exactly is rounded only once.
  private struct Digits {
    private var whole: UInt64 = 0
    private var count = 0
    private var isShort = true
    var exponent = 0

    mutating func append(_ digit: UInt8) {
      if count > 0 || digit > 0 { count += 1 }
      if count <= 15 { whole = whole * 10 + UInt64(digit) }
    }

    mutating func add(exponent other: Digits, isNegative: Bool) {
      isShort = isShort && other.count <= 3
      if isShort { exponent += (isNegative ? -1 : 1) * Int(other.whole) }
    }

    var exactValue: Double? {
      guard isShort, count <= 15, abs(exponent) <= 22 else { return nil }
      return exponent < 0 ? Double(whole) / Self.powers[-exponent] : Double(whole) * Self.powers[exponent]
    }

    private static let powers: [Double] = [
      1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
      1e20,
      1e21, 1e22,
    ]
  }
}
