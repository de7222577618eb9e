import LossKit

/// A provider of log-probabilities that were computed before, by any program: a JSONL file, looked up by text.
///
/// Each line holds a prompt, its responses, and for each response the log-probability (a sum over its tokens, in nats) and the
/// token count: `{"prompt": "…", "responses": ["…", "…"], "logps": [-12.5, -9.25], "token_counts": [9, 7]}`, and, where
/// losses per token are wanted, `"token_logps": [[…], […]]`. It cannot be trained; it serves as a reference.
final class LogProbabilityFile: LogProbabilityProvider {
  struct Options: Sendable {}

  static let name = "log-probability-file"
  static let summary = "Log-probabilities from a JSONL file, looked up by prompt and response; cannot be trained."
  static let defaultOptions = Options()
  static let hyperparameters: [Hyperparameter<Options>] = []
  static let columns: [Column] = [.logProbability, .tokenLogProbability]

  private let path: String
  private let entries: [LogProbabilityTable.Key: LogProbabilityTable.Entry]

  private init(path: String, entries: [LogProbabilityTable.Key: LogProbabilityTable.Entry]) {
    self.path = path
    self.entries = entries
  }

  static func load(path: String, options: Options, given: Set<String>) throws -> LogProbabilityFile {
    LogProbabilityFile(path: path, entries: try LogProbabilityTable.read(path: path))
  }

  func measure(
    _ texts: TextBatch, tokenCounts: UnsafeMutableBufferPointer<UInt32>,
    truncated: UnsafeMutableBufferPointer<UInt32>?
  ) throws {
    tokenCounts.update(repeating: 0)
    truncated?.update(repeating: 0)
    try forEachResponse(of: texts) { row, entry, _ in tokenCounts[row] = UInt32(clamping: entry.tokenCount) }
  }

  func forward(_ batch: PolicyBatch, keepingActivations: Bool) throws {
    let sums = batch.values(of: .logProbability)
    let tokens = batch.values(of: .tokenLogProbability)
    sums?.update(repeating: 0)
    try forEachResponse(of: batch.texts) { row, entry, prompt in
      sums?[row] = entry.logProbability
      guard let tokens, let offsets = batch.tokenOffsets else { return }
      guard let values = entry.tokenLogProbabilities else {
        throw Failure("\(self.path): line \(entry.line) has no token_logps, which this objective needs", prompt: prompt)
      }
      guard values.count == offsets[row + 1] - offsets[row] else {
        throw Failure(
          "\(self.path): line \(entry.line) has \(values.count) token_logps of another count", prompt: prompt)
      }
      for (index, value) in values.enumerated() { tokens[offsets[row] + index] = value }
    }
  }

  private func forEachResponse(
    of texts: TextBatch, _ body: (_ row: Int, LogProbabilityTable.Entry, _ prompt: Int) throws -> Void
  ) throws {
    for prompt in 0..<texts.promptCount {
      for rank in 0..<texts.responseCount(ofPrompt: prompt) {
        let key = LogProbabilityTable.Key(
          prompt: Array(texts.prompt(prompt)), response: Array(texts.response(rank, ofPrompt: prompt)))
        guard let entry = entries[key] else {
          let text = String(decoding: key.response.prefix(60), as: UTF8.self)
          throw Failure(
            "\(path): no log-probability for the response “\(text)” of prompt \(prompt + 1); "
              + "compute it with the same text, byte for byte", prompt: prompt)
        }
        try body(rank * texts.promptCount + prompt, entry, prompt)
      }
    }
  }
}

/// What a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_ host: UnsafeRawPointer?, _ error: UnsafeMutableRawPointer?) -> UnsafeRawPointer? {
  Plugin.export(policies: [LogProbabilityFile.self], error: error)
}
