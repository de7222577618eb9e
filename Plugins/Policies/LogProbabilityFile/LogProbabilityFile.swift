public import LossKit

/// A provider of precomputed log-probabilities from any program: a JSONL file, looked up by text.
///
/// Each line has a prompt, its responses, and for each response the log-probability (a sum over its tokens, in nats) and the token count,
/// including the end token: `{"prompt": "…", "responses": ["…", "…"], "logps": [-12.5, -9.25], "token_counts": [9, 7]}`. For losses per
/// token, it also has `"token_logps": [[…], […]]`. The provider cannot be trained; it serves as a reference.
final class LogProbabilityFile: LogProbabilityProvider {
  struct Options: Sendable {}

  static let name = "log-probability-file"
  static let summary = "Log-probabilities from a JSONL file, looked up by prompt and response; cannot be trained."
  static let documentation = "Verified against the values of the file: it computes nothing."
  static let defaultOptions = Options()
  static let hyperparameters: [Hyperparameter<Options>] = []
  static let columns = [logProbability, tokenLogProbability]

  /// The standard columns, without a gradient, since there is nothing to train.
  private static let logProbability = Column(Column.logProbability.name)
  private static let tokenLogProbability = Column(Column.tokenLogProbability.name, per: .token)

  private let path: String
  private let table: LogProbabilityTable

  private init(path: String, table: LogProbabilityTable) {
    self.path = path
    self.table = table
  }

  static func load(path: String, options: Options, given: Set<String>) throws -> LogProbabilityFile {
    LogProbabilityFile(path: path, table: try LogProbabilityTable(path: path))
  }

  func measure(
    _ texts: TextBatch, tokenCounts: UnsafeMutableBufferPointer<UInt32>,
    truncated: UnsafeMutableBufferPointer<UInt32>?
  ) throws {
    tokenCounts.update(repeating: 0)
    truncated?.update(repeating: 0)
    try forEachResponse(of: texts) { row, entry, _ in tokenCounts[row] = entry.tokenCount }
  }

  func forward(_ batch: PolicyBatch, keepingActivations: Bool) throws {
    let sums = batch.values(of: Self.logProbability)
    let tokens = batch.values(of: Self.tokenLogProbability)
    sums?.update(repeating: 0)
    try forEachResponse(of: batch.texts) { row, entry, prompt in
      sums?[row] = entry.logProbability
      guard let tokens, let offsets = batch.tokenOffsets else { return }
      let range = offsets[row]..<offsets[row + 1]
      do {
        _ = UnsafeMutableBufferPointer(rebasing: tokens[range]).update(from: try entry.tokens(count: range.count))
      } catch {
        throw Failure("\(path), line \(entry.line): \(error)", prompt: prompt)
      }
    }
  }

  private func forEachResponse(
    of texts: TextBatch, _ body: (_ row: Int, LogProbabilityTable.Entry, _ prompt: Int) throws -> Void
  ) throws {
    for prompt in 0..<texts.promptCount {
      guard let responses = table.responses(to: texts.prompt(prompt)) else {
        throw missing("the prompt \(Self.quoted(texts.prompt(prompt)))", prompt)
      }
      for rank in 0..<texts.responseCount(ofPrompt: prompt) {
        let response = texts.response(rank, ofPrompt: prompt)
        guard let entry = responses[Array(response)] else {
          throw missing(
            "the response \(Self.quoted(response)) to the prompt \(Self.quoted(texts.prompt(prompt)))", prompt)
        }
        try body(rank * texts.promptCount + prompt, entry, prompt)
      }
    }
  }

  private func missing(_ text: String, _ prompt: Int) -> Failure {
    Failure(
      "\(path): lacks \(text); add its log-probabilities, with the same texts byte for byte", prompt: prompt)
  }

  /// The beginning of a text, in quotation marks, on one line.
  private static func quoted(_ bytes: UnsafeRawBufferPointer) -> String {
    let text = String(decoding: bytes, as: UTF8.self), start = text.prefix(60)
    return (start.count < text.count ? start + "…" : start).debugDescription
  }
}

extension LogProbabilityTable.Entry {
  /// The log-probability of each token. Throws if the caller's token count differs.
  fileprivate func tokens(count: Int) throws -> [Double] {
    guard let tokenLogProbabilities else { throw Failure("lacks token_logps, which this objective needs; add them") }
    guard tokenLogProbabilities.count == count else {
      throw Failure(
        "\(tokenLogProbabilities.count) token_logps for a response of \(count) tokens; compute them with the tokenizer "
          + "of the trained policy")
    }
    return tokenLogProbabilities
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(policies: [LogProbabilityFile.self], error: error)
}
