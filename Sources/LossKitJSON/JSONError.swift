public import LossKit

/// Why a text cannot be read as JSON, and where.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The line, from 1.
  public let line: Int
  /// The character of the line, from 1.
  public let column: Int
  /// What is wrong; for a text that is no JSON it begins with "not JSON: ".
  public let problem: String
  /// What to do about it, where there is more to say than to write JSON.
  public let remedy: String?

  /// The place, the problem and the remedy.
  public var description: String { "line \(line), column \(column): \(problem)" + (remedy.map { "; \($0)" } ?? "") }

  /// The same as a `Failure`.
  public var failure: Failure { Failure(description) }
}
