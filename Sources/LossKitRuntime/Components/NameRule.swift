/// The rules for names of components, of what they declare, and of choices.
package enum NameRule {
  package static let componentRule = "names are lower-case letters and digits in words joined by '-', such as cal-dpo"
  /// The most bytes of a name.
  package static let longest = 128
  static let fieldRule = "names are lower-case letters, digits and '_', such as label_smoothing"

  /// `[a-z][a-z0-9]*(-[a-z0-9]+)*`
  package static func isComponentName(_ text: some StringProtocol) -> Bool {
    let words = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard let first = text.utf8.first, isLower(first) else { return false }
    return words.allSatisfy { !$0.isEmpty && $0.allSatisfy { isLower($0) || isDigit($0) } }
  }

  /// `[a-z][a-z0-9_]*`
  static func isFieldName(_ text: some StringProtocol) -> Bool {
    guard let first = text.utf8.first, isLower(first) else { return false }
    return text.utf8.allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
  }

  /// A letter, then letters, digits, '-' and '_'.
  static func isWord(_ text: some StringProtocol) -> Bool {
    guard let first = text.utf8.first, isLower(first | 0x20) else { return false }
    return text.utf8.allSatisfy {
      isLower($0 | 0x20) || isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
    }
  }

  private static func isLower(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
