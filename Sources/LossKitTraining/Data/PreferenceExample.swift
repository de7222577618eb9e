/// One prompt with its responses, best first.
public struct PreferenceExample: Sendable, Equatable {
  /// The text that both responses continue, as the policy reads it.
  public var prompt: String
  /// The responses, best first: chosen and rejected, a ranking, or one alone where there is a `label`.
  public var responses: [String]
  /// A score per response in the same order, higher is better, where the data gives them.
  public var scores: [Double]?
  /// Whether the one response is desirable, for unpaired feedback.
  public var label: Bool?
  /// Further numbers of each response, in the same order, by the name of the column that objectives read them as.
  public var columns: [String: [Double]]
  /// The line of the file it was read from, from 1; 0 where there is no file.
  public var line: Int

  /// An example of responses that are in order, best first.
  public init(
    prompt: String, responses: [String], scores: [Double]? = nil, label: Bool? = nil,
    columns: [String: [Double]] = [:], line: Int = 0
  ) {
    self.prompt = prompt
    self.responses = responses
    self.scores = scores
    self.label = label
    self.columns = columns
    self.line = line
  }
}
