import LossKit

/// The gradient of a loss with respect to the arrays of `LogProbabilities`, one number per token; an empty array means 0.
public struct LogProbabilityCotangent: Sendable {
  /// ∂L/∂ log π of each row's label.
  public var values: [Double]
  /// ∂L/∂H of each row.
  public var entropies: [Double]
  /// ∂L/∂ log Σπ² of each row.
  public var logCollisions: [Double]
  /// ∂L/∂ KL(reference ‖ π) of each row.
  public var divergences: [Double]

  /// Creates a gradient per token.
  public init(
    _ values: [Double] = [], entropies: [Double] = [], logCollisions: [Double] = [], divergences: [Double] = []
  ) {
    self.values = values
    self.entropies = entropies
    self.logCollisions = logCollisions
    self.divergences = divergences
  }

  /// Creates ∂L/∂ log π of whole sequences; sequence s has the rows `offsets[s] ..< offsets[s + 1]`. Throws if the offsets do not ascend
  /// from 0 or their number is not one more than the number of sequences.
  public init(sequences: [Double], offsets: [Int]) throws {
    try Self.check(offsets, sequences: sequences.count)
    let values = sequences.indices.flatMap { sequence in
      repeatElement(sequences[sequence], count: offsets[sequence + 1] - offsets[sequence])
    }
    self.init(values)
  }

  /// Throws unless the offsets delimit `sequences` sequences.
  static func check(_ offsets: [Int], sequences: Int? = nil) throws {
    guard offsets.first == 0, zip(offsets, offsets.dropFirst()).allSatisfy(<=),
      sequences == nil || offsets.count - 1 == sequences
    else {
      throw Failure(
        "logits: the offsets of sequences are \(offsets.count) numbers; give one more than there are sequences, ascending "
          + "from 0")
    }
  }

  /// The four columns one after another, and the start of each; nil for a column that is 0.
  func columns(rows: Int) throws -> (values: [Double], starts: [Int?]) {
    var all: [Double] = [], starts: [Int?] = []
    for (name, column) in [
      ("values", values), ("entropies", entropies), ("logCollisions", logCollisions), ("divergences", divergences),
    ] {
      guard column.isEmpty || column.count == rows else {
        throw Failure("logits: the gradient's \(name) are \(column.count) numbers for \(rows) rows; give one for each")
      }
      starts.append(column.isEmpty ? nil : all.count)
      all += column
    }
    return (all, starts)
  }
}
