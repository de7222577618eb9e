import LossKit
public import LossKitJSON
public import LossKitRuntime

/// A policy's log-probabilities of the responses of preference data, row by row.
public struct ResponseScoring {
  /// What a policy says of one row; all arrays are in the order of the row's responses.
  public struct Row {
    /// The row as it was read.
    public let members: JSONObject
    /// The log-probability of each response, in nats.
    public let logProbabilities: [Double]
    /// The number of tokens of each response, its end token included.
    public let tokenCounts: [Int]
    /// The log-probabilities of each response's tokens, if they were requested.
    public let tokenLogProbabilities: [[Double]]?
  }

  private let policy: PolicyInstance
  private let batchSize: Int
  private let perToken: Bool

  /// Creates a scoring by `policy`, with `batchSize` rows a call.
  public init(policy: PolicyInstance, batchSize: Int, perToken: Bool = false) {
    self.policy = policy
    self.batchSize = max(1, batchSize)
    self.perToken = perToken
  }

  /// Reads a file in any form that training takes, and passes each row with its scores to `receive`, in order. Returns a description of
  /// what was cut to fit the policy's context, or nil. Throws, with the line, for a row that cannot be read or scored.
  public func run(_ path: String, _ receive: (Row) throws -> Void) throws -> String? {
    let lines = try JSONLineReader(path: path)
    var problems = Problems(in: lines.name), batch: [(members: JSONObject, example: PreferenceExample)] = [], cut = 0
    func finish() throws {
      if !batch.isEmpty { cut += try score(batch, of: lines.name, receive) }
      batch = []
    }
    while let line = try lines.next(&problems) {
      do {
        batch.append((line.value.object ?? [:], try PreferenceRow(line).example))
      } catch let failure as Failure {
        problems.add(line: line.number, failure.message)
      }
      try problems.throwIfAny()
      if batch.count == batchSize { try finish() }
    }
    try problems.throwIfAny()
    try finish()
    return cut == 0
      ? nil : "\(lines.name): \(counted(cut, "response")) cut, with the prompt or at the end, to fit the policy"
  }

  /// Scores a batch and returns the number of responses that were cut.
  private func score(
    _ rows: [(members: JSONObject, example: PreferenceExample)], of source: String, _ receive: (Row) throws -> Void
  ) throws -> Int {
    let data = try PreferenceDataset(examples: rows.map(\.example), source: source).rendered(by: policy)
    try policy.setTextForm(data.form)
    let examples = data.data.examples, batch = ExampleBatch(Array(examples.indices), of: data.data)
    let texts = try batch.texts(), measured = try batch.locatingFailures { try policy.measure(texts) }
    let offsets = perToken ? measured.tokenCounts.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int($1)) } : nil
    let columns = [Column.logProbability.name] + (perToken ? [Column.tokenLogProbability.name] : [])
    let values = try batch.locatingFailures { try policy.forward(texts, tokenOffsets: offsets, columns: columns) }
    let sums = values[Column.logProbability.name] ?? [], tokens = values[Column.tokenLogProbability.name] ?? []
    for (prompt, example) in examples.enumerated() {
      // The example's responses are best first; the row's are in the order of the file.
      let entries = example.places.indices.sorted { example.places[$0] < example.places[$1] }
        .map { batch.layout.response($0, ofPrompt: prompt) }
      try receive(
        Row(
          members: rows[prompt].members, logProbabilities: entries.map { sums[$0] },
          tokenCounts: entries.map { Int(measured.tokenCounts[$0]) },
          tokenLogProbabilities: offsets.map { offsets in
            entries.map { Array(tokens[offsets[$0]..<offsets[$0 + 1]]) }
          }))
    }
    return measured.truncated.count { $0 > 0 }
  }
}
