/// How a logit is stored; the numbers are those of losskit_logprob.h.
public enum LogitType: Int32, CaseIterable, Sendable {
  /// IEEE single precision.
  case float32 = 1
  /// IEEE half precision.
  case float16 = 2
  /// The upper half of a `float32`.
  case bfloat16 = 3

  /// The bytes of an element.
  public var size: Int { self == .float32 ? 4 : 2 }
}

/// Logits in memory of the caller's, [tokens, vocabulary], one row after the other.
public struct LogitMatrix {
  /// The first row's first element.
  public let start: UnsafeMutableRawPointer
  /// How an element is stored.
  public let type: LogitType
  /// The rows.
  public let tokenCount: Int
  /// The elements of a row.
  public let vocabularySize: Int
  /// How far apart the rows are, in elements.
  public let rowStride: Int

  /// The matrix at an address, which is to stay valid as long as it is in use. Rows follow each other without a gap where no
  /// stride is given.
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
