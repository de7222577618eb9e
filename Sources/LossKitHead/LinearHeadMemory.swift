import LossKitLogits

/// Memory that one call of a linear head after the other uses, so that calls of the size of an earlier one allocate none.
///
/// It also keeps the logits of the last `score` where they fit `logitBytes` at once: `addGradients` of those scores takes
/// them instead of making them again. One call at a time.
public final class LinearHeadMemory {
  let products: MatrixProducts
  /// [rows, hidden], [rows, stride], [rows, stride] of the reference, [rows, hidden].
  let states, logits, referenceLogits, gradient: FloatBuffer
  /// Hidden states and slopes in bfloat16.
  let roundedStates, rounded: FloatBuffer
  /// The tile whose logits are in memory, and the scores that they belong to.
  var kept: (tile: HeadTile, identity: LogProbabilities.Identity)?

  /// No memory yet. Throws where there is none.
  public convenience init() throws { try self.init(isNative: true) }

  /// As above; without `isNative`, products in bfloat16 are made as where the processor has none.
  package init(isNative: Bool) throws {
    products = try MatrixProducts(isNative: isNative)
    states = try FloatBuffer(count: 0)
    logits = try FloatBuffer(count: 0)
    referenceLogits = try FloatBuffer(count: 0)
    gradient = try FloatBuffer(count: 0)
    roundedStates = try FloatBuffer(count: 0)
    rounded = try FloatBuffer(count: 0)
  }

  /// Makes room for tiles of that many rows.
  func reserve(_ head: LinearHead, rows: Int, hasReference: Bool) throws {
    kept = nil
    try states.reserve(rows * head.hiddenSize)
    try gradient.reserve(rows * head.hiddenSize)
    try logits.reserve(rows * head.logitStride)
    if hasReference { try referenceLogits.reserve(rows * head.logitStride) }
  }
}

extension FloatBuffer {
  /// Room for that many numbers in bfloat16. What was there is lost if the block has to grow.
  func rounded(_ count: Int) throws -> UnsafeMutablePointer<BFloat16Bits> {
    try reserve((count + 1) / 2)
    return UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: BFloat16Bits.self)
  }
}
