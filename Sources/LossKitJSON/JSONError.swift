public import LossKit

/// The reason why a text cannot be read as JSON, with its position.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The line, from 1.
  public let line: Int
  /// The character of the line, from 1.
  public let column: Int
  /// The problem; begins with "not JSON: " if the text is not valid JSON.
  public let problem: String
  /// The remedy, if it is more specific than writing valid JSON.
  public let remedy: String?

  /// The position, the problem and the remedy.
  public var description: String { "line \(line), column \(column): \(problem)" + (remedy.map { "; \($0)" } ?? "") }

  /// The error as a `Failure`.
  public var failure: Failure { Failure(description) }
}
