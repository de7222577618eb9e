public import LossKit

/// A hyperparameter, as its library declares it.
public struct ParameterDescription: Sendable, Equatable {
  /// The type of a value.
  public enum Kind: UInt32, Sendable {
    /// Any number.
    case real = 0
    /// A whole number.
    case integer = 1
    /// true or false.
    case boolean = 2
    /// One of several names.
    case choice = 3
  }

  /// The name, in the field's terms.
  public let name: String
  /// The paper's symbol in LaTeX; the name if it has none.
  public let symbol: String
  /// A summary in one sentence.
  public let summary: String
  /// The type of its values.
  public let kind: Kind
  /// The default value.
  public let initial: Double
  /// The bounds of its values as numbers: a Boolean is 0 or 1, a choice the index of its name.
  public let bounds: Bounds
  /// The names of a choice; empty for other types.
  public let choices: [String]
  /// Whether metrics multiply the reward by it: the field's β.
  public let isRewardScale: Bool

  /// Parses a value. Throws for a text of the wrong type, and for a number that is not finite or out of bounds.
  public func parse(_ text: String) throws -> Double {
    switch kind {
    case .boolean:
      guard text == "true" || text == "false" else { throw failure("true or false", not: "'\(text)'") }
      return text == "true" ? 1 : 0
    case .choice:
      guard let index = choices.firstIndex(of: text) else {
        throw Failure("\(name): " + unknownNameMessage(text, kind: "choice", known: choices))
      }
      return Double(index)
    case .real, .integer:
      guard let value = Double(text), text.utf8.allSatisfy(isDecimal) else {
        throw failure(expectedRange, not: "'\(text)'")
      }
      try check(value)
      return value
    }
  }

  /// Formats a value: a choice's name, true or false, or the shortest decimal that reads back as the same number.
  public func format(_ value: Double) -> String {
    switch kind {
    case .boolean: return value == 0 ? "false" : "true"
    case .choice:
      let index = Int(exactly: value) ?? -1
      return choices.indices.contains(index) ? choices[index] : roundTripDecimal(value)
    case .real, .integer: return roundTripDecimal(value)
    }
  }

  /// Throws for a value that the parameter cannot take.
  public func check(_ value: Double) throws {
    let isWhole = kind == .real || value == value.rounded()
    guard value.isFinite, isWhole, bounds.contains(value) else {
      throw failure(expectedRange, not: format(value))
    }
  }

  /// The allowed values in words: "greater than 0", "a whole number from 1 to 8", "true or false".
  public var range: String {
    switch kind {
    case .boolean: "true or false"
    case .choice: choices.joined(separator: ", ")
    case .integer: bounds.isUnlimited ? "a whole number" : "a whole number \(bounds.words)"
    case .real: bounds.isUnlimited ? "a finite number" : bounds.words
    }
  }

  private func failure(_ expected: String, not found: String) -> Failure {
    Failure("invalid value \(found) for \(name); expected \(expected)")
  }

  /// `range` with a noun, for messages: "a number greater than 0".
  private var expectedRange: String {
    guard kind == .real, !bounds.isUnlimited else { return range }
    return "a number \(range.first?.isNumber == true ? "that is " : "")\(range)"
  }
}

/// Whether a byte may occur in a decimal number; rejects what `Double` also accepts, hexadecimal and infinity.
private func isDecimal(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
    UInt8(ascii: "e"),
    UInt8(ascii: "E"):
    true
  default: false
  }
}

extension Bounds {
  fileprivate var isUnlimited: Bool { lower == -.infinity && upper == .infinity }

  fileprivate var words: String {
    let (low, high) = (roundTripDecimal(lower), roundTripDecimal(upper))
    switch (lower.isFinite, upper.isFinite) {
    case (false, false): return "finite"
    case (true, false): return isLowerOpen ? "greater than \(low)" : "\(low) or greater"
    case (false, true): return isUpperOpen ? "less than \(high)" : "\(high) or less"
    case (true, true):
      switch (isLowerOpen, isUpperOpen) {
      case (false, false): return "from \(low) to \(high)"
      case (true, false): return "greater than \(low) and at most \(high)"
      case (false, true): return "at least \(low) and less than \(high)"
      case (true, true): return "between \(low) and \(high), both excluded"
      }
    }
  }
}
