package import LossKit

/// A batch of G prompts with up to K responses each, best first, as a table of columns.
///
/// Columns are rank-major: response k of prompt g is at [k·G + g], of reference r at [(r·K + k)·G + g]; a token t of that
/// response at [tokenOffsets[k·G + g] + t]. Log-probabilities are in nats, lengths in tokens.
public struct Batch: Sendable {
  /// G, the number of prompts.
  public var prompts: Int
  /// K, the largest number of responses of a prompt.
  public var responses: Int
  /// R, the number of references.
  public var references: Int
  /// The number of responses of each prompt, 1...K; nil: K each.
  public var counts: [UInt32]?
  /// The start of each response's tokens, K·G + 1 entries ascending from 0; nil if no column is per token.
  public var tokenOffsets: [Int]?
  /// The columns by name.
  public var columns: [String: [Double]]

  /// Creates a batch without columns.
  public init(
    prompts: Int, responses: Int = 2, references: Int = 1, counts: [UInt32]? = nil, tokenOffsets: [Int]? = nil,
    columns: [String: [Double]] = [:]
  ) {
    self.prompts = prompts
    self.responses = responses
    self.references = references
    self.counts = counts
    self.tokenOffsets = tokenOffsets
    self.columns = columns
  }

  /// The number of responses of a prompt.
  public func responseCount(ofPrompt prompt: Int) -> Int { counts.map { Int($0[prompt]) } ?? responses }

  /// Calls `body` with the batch's shape.
  package func withShape<Result>(_ body: (BatchShape) throws -> Result) rethrows -> Result {
    try BatchShape.with(
      prompts: prompts, responses: responses, references: references, counts: counts, tokenOffsets: tokenOffsets, body)
  }

  /// The number of entries that a column has.
  package func count(of column: Column) -> Int { withShape { $0.count(of: column) } }
}
