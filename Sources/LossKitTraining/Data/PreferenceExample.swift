public import LossKitJSON

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
  /// The members of its row that are no part of its form: what objectives may read as columns.
  public var further: JSONObject
  /// Where in the row each response stands, from 0, in the order of `responses`.
  public var places: [Int]
  /// How many responses the row has; more than the example where some were left out.
  public var rowResponses: Int
  /// The line of the file it was read from, from 1; 0 where there is no file.
  public var line: Int

  /// An example of responses that are in order, best first; `columns` are numbers of each response, by the name of the column that
  /// objectives read them as.
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
