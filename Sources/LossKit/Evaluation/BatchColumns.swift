package import CLossKitKernels

/// What a plan reads or writes: a rank of a column, or a whole column, of one reference.
package struct ColumnPlace: Sendable {
  /// What the column is to the plan.
  package enum Role: Sendable {
    /// A column that is read.
    case input
    /// The cotangent of an output.
    case cotangent
    /// An output. An objective's are the losses of all prompts, followed by the rewards by rank.
    case value
    /// The gradient of a column.
    case gradient
  }

  /// What the column is to the plan.
  package let role: Role
  /// The index of the column, or of the output.
  package let index: Int
  /// The reference, if the column is per reference, and the rank, if one rank is read.
  package let reference, rank: Int

  init(_ role: Role, _ index: Int, reference: Int = 0, rank: Int = 0) {
    self.role = role
    self.index = index
    self.reference = reference
    self.rank = rank
  }
}

/// The columns of a caller, with either precision and any stride.
package protocol BatchColumns {
  /// Finds the arrays of places, each from the entry of the first prompt or token; without data if a column is missing, or an output is
  /// not requested.
  ///
  /// All places at once, since a call for each would cost more than the arithmetic of a few pairs.
  func find(
    _ places: UnsafeBufferPointer<ColumnPlace>, in shape: BatchShape,
    _ columns: UnsafeMutablePointer<losskit_host_column>)
}

extension BatchColumns {
  /// Finds the array of one place.
  func column(_ place: ColumnPlace, in shape: BatchShape) -> losskit_host_column {
    var column = losskit_host_column()
    withUnsafePointer(to: place) { find(UnsafeBufferPointer(start: $0, count: 1), in: shape, &column) }
    return column
  }
}
