import LossKit

/// The token to score in each row of logits, and a mask of the rows.
public struct TokenLabels: Sendable {
  /// The label of each row.
  public let values: [Int32]
  /// Whether to score a row; nil if no row is masked. Masked rows are not read; their results and gradients are 0.
  public let mask: [Bool]?

  /// Creates labels, in 0 ..< vocabulary for unmasked rows. Throws if the mask has another length.
  public init(_ values: [Int32], mask: [Bool]? = nil) throws {
    if let mask, mask.count != values.count {
      throw Failure("logits: \(values.count) labels have a mask of \(mask.count) rows; give one entry for each label")
    }
    self.values = values
    self.mask = mask
  }

  /// Creates labels whose negative values mask their rows, like the usual −100.
  public init(ignoringNegative values: [Int32]) {
    self.values = values
    mask = values.map { $0 >= 0 }
  }

  /// Whether a row is unmasked.
  public func counts(_ row: Int) -> Bool { mask?[row] ?? true }
}
