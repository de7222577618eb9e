import LossKit

/// The token that each row of logits is scored for, and which rows count.
public struct TokenLabels: Sendable {
  /// The label of each row.
  public let values: [Int32]
  /// Whether a row counts; nil if every row does. What does not count is not read, reads 0 and has the gradient 0.
  public let mask: [Bool]?

  /// Labels in 0 ..< vocabulary, in rows that count. Throws where the mask is of another length.
  public init(_ values: [Int32], mask: [Bool]? = nil) throws {
    if let mask, mask.count != values.count {
      throw Failure("logits: \(values.count) labels have a mask of \(mask.count) rows; give one entry for each label")
    }
    self.values = values
    self.mask = mask
  }

  /// Labels of which the negative ones stand for rows that do not count, as −100 does elsewhere.
  public init(ignoringNegative values: [Int32]) {
    self.values = values
    mask = values.map { $0 >= 0 }
  }

  /// Whether a row counts.
  public func counts(_ row: Int) -> Bool { mask?[row] ?? true }
}
