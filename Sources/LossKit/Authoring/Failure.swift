/// An error with a message that names the place, the problem and the remedy.
public struct Failure: Error, CustomStringConvertible, Equatable, Sendable {
  /// The message, one or two sentences.
  public let message: String
  /// The index of the prompt that the error concerns, if there is one.
  public let prompt: Int?

  /// Creates a failure with a message, and the index of the prompt that it concerns, if any.
  public init(_ message: String, prompt: Int? = nil) {
    self.message = message
    self.prompt = prompt
  }

  /// The message.
  public var description: String { message }
}
