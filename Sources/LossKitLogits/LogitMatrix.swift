/// The storage type of logits; the raw values are those of losskit_logprob.h.
public enum LogitType: Int32, CaseIterable, Sendable {
  /// IEEE single precision.
  case float32 = 1
  /// IEEE half precision.
  case float16 = 2
  /// bfloat16, the upper half of a `float32`.
  case bfloat16 = 3

  /// The size of an element in bytes.
  public var size: Int { self == .float32 ? 4 : 2 }
}

/// Borrowed logits, [tokens, vocabulary], in row-major order.
public struct LogitMatrix {
  /// The first element.
  public let start: UnsafeMutableRawPointer
  /// The storage type.
  public let type: LogitType
  /// The number of rows.
  public let tokenCount: Int
  /// The number of elements of a row.
  public let vocabularySize: Int
  /// The stride between rows, in elements.
  public let rowStride: Int

  /// Creates a matrix at an address, which must stay valid while the matrix is in use. Rows are contiguous if no stride is given.
  public init(
    _ start: UnsafeMutableRawPointer, type: LogitType = .float32, tokenCount: Int, vocabularySize: Int,
    rowStride: Int? = nil
  ) {
    self.start = start
    self.type = type
    self.tokenCount = tokenCount
    self.vocabularySize = vocabularySize
    self.rowStride = rowStride ?? vocabularySize
  }
}
