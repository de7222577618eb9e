/// What went wrong, in words for the person who can mend it: the place, the problem, the remedy.
public struct Failure: Error, CustomStringConvertible, Equatable, Sendable {
  /// The message, one sentence or two.
  public let message: String
  /// The index of the prompt it concerns, if one.
  public let prompt: Int?

  /// A failure with a message, about one prompt of the batch if `prompt` is given.
  public init(_ message: String, prompt: Int? = nil) {
    self.message = message
    self.prompt = prompt
  }

  /// The message.
  public var description: String { message }
}
