public import LossKitJSON

/// One prompt with its responses, best first.
public struct PreferenceExample: Sendable, Equatable {
  /// The text that the responses continue, as the policy reads it.
  public var prompt: String
  /// The messages whose transcript the prompt and the responses are, if the row is conversational.
  var conversation: ExampleConversation?
  /// The responses, best first: chosen and rejected, a ranking, or a single one with a `label`.
  public var responses: [String]
  /// A score per response in the same order, higher is better, if the data has them.
  public var scores: [Double]?
  /// Whether the single response is desirable, for unpaired feedback.
  public var label: Bool?
  /// The members of the row that are not part of its form; objectives may read them as columns.
  public var further: JSONObject
  /// The index of each response in the row, in the order of `responses`.
  public var places: [Int]
  /// The number of responses in the row, including those left out of the example.
  public var rowResponses: Int
  /// The line of the file it was read from, from 1; 0 if there is no file.
  public var line: Int

  /// Creates an example of responses in order, best first. `columns` maps names of columns to one number per response.
  public init(
    prompt: String, responses: [String], scores: [Double]? = nil, label: Bool? = nil,
    columns: [String: [Double]] = [:], line: Int = 0
  ) {
    self.prompt = prompt
    self.responses = responses
    self.scores = scores
    self.label = label
    further = JSONObject(columns.map { ($0, .array($1.map(JSONValue.number))) })
    places = Array(responses.indices)
    rowResponses = responses.count
    self.line = line
  }
}
