package import LossKit

/// A batch of G prompts with up to K responses each, best first, as a table of columns.
///
/// Columns are rank-major: response k of prompt g is at [k·G + g], of reference r at [(r·K + k)·G + g]; a token t of that
/// response at [tokenOffsets[k·G + g] + t]. A ragged batch holds the responses prompt by prompt instead, as many as each prompt has, so
/// that a long ranking among short ones takes no more room than its responses. Log-probabilities are in nats, lengths in tokens.
public struct Batch: Sendable {
  /// G, the number of prompts.
  public var prompts: Int
  /// K, the largest number of responses of a prompt.
  public var responses: Int
  /// R, the number of references.
  public var references: Int
  /// The number of responses of each prompt, 1...K; nil: K each.
  public var counts: [UInt32]?
  /// Whether responses stand prompt by prompt, without places for those that a prompt does not have.
  public var isRagged: Bool
  /// The start of each response's tokens, ascending from 0, followed by the end of the last; nil if no column is per token.
  public var tokenOffsets: [Int]?
  /// The columns by name.
  public var columns: [String: [Double]]

  /// Creates a batch without columns.
  public init(
    prompts: Int, responses: Int = 2, references: Int = 1, counts: [UInt32]? = nil, isRagged: Bool = false,
    tokenOffsets: [Int]? = nil, columns: [String: [Double]] = [:]
  ) {
    self.prompts = prompts
    self.responses = responses
    self.references = references
    self.counts = counts
    self.isRagged = isRagged
    self.tokenOffsets = tokenOffsets
    self.columns = columns
  }

  /// The number of responses of a prompt.
  public func responseCount(ofPrompt prompt: Int) -> Int { counts.map { Int($0[prompt]) } ?? responses }

  /// Calls `body` with the batch's shape.
  package func withShape<Result>(_ body: (BatchShape) throws -> Result) rethrows -> Result {
    try BatchShape.with(
      prompts: prompts, responses: responses, references: references, counts: counts, tokenOffsets: tokenOffsets,
      starts: isRagged ? starts : nil, body)
  }

  /// The row of each prompt's first response in a ragged batch. A count that is out of range is reported when the batch is checked.
  private var starts: [Int] {
    var starts = [0]
    starts.reserveCapacity(max(prompts, 0) + 1)
    for prompt in 0..<max(prompts, 0) {
      let count = counts.map { $0.indices.contains(prompt) ? min(Int($0[prompt]), responses) : 0 } ?? responses
      starts.append(starts[prompt] + count)
    }
    return starts
  }

  /// The number of entries that a column has.
  package func count(of column: Column) -> Int { withShape { $0.count(of: column) } }
}
