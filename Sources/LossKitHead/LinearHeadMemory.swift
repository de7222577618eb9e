import LossKitLogits

/// Reusable memory for calls of a linear head: a call no larger than an earlier one allocates nothing.
///
/// It also keeps the logits of the last `score` if they fit `logitBytes` at once; `addGradients` for those scores uses them instead of
/// recomputing them. Use it for one call at a time.
public final class LinearHeadMemory {
  let products: MatrixProducts
  /// [rows, hidden], [rows, stride], [rows, stride] of the reference, [rows, hidden].
  let states, logits, referenceLogits, gradient: FloatBuffer
  /// A copy of capped logits while their gradient overwrites them; empty without a cap.
  let cappedLogits: FloatBuffer
  /// Hidden states and slopes in bfloat16.
  let roundedStates, rounded: FloatBuffer
  /// The tile whose logits are in memory, and the identity of its scores.
  var kept: (tile: HeadTile, identity: LogProbabilities.Identity)?

  /// Creates an empty memory. Throws if allocation fails.
  public convenience init() throws { try self.init(isNative: true) }

  /// As above. Without `isNative`, bfloat16 products are computed as on a processor without bfloat16 support.
  package init(isNative: Bool) throws {
    products = try MatrixProducts(isNative: isNative)
    states = try FloatBuffer(count: 0)
    logits = try FloatBuffer(count: 0)
    referenceLogits = try FloatBuffer(count: 0)
    gradient = try FloatBuffer(count: 0)
    cappedLogits = try FloatBuffer(count: 0)
    roundedStates = try FloatBuffer(count: 0)
    rounded = try FloatBuffer(count: 0)
  }

  /// Reserves memory for tiles of up to `rows` rows.
  func reserve(_ head: LinearHead, rows: Int, hasReference: Bool) throws {
    kept = nil
    try states.reserve(rows * head.hiddenSize)
    try gradient.reserve(rows * head.hiddenSize)
    try logits.reserve(rows * head.logitStride)
    if hasReference { try referenceLogits.reserve(rows * head.logitStride) }
  }
}

extension FloatBuffer {
  /// Returns memory for `count` bfloat16 numbers; growing the block discards its contents.
  func rounded(_ count: Int) throws -> UnsafeMutablePointer<BFloat16Bits> {
    try reserve((count + 1) / 2)
    return bfloat16
  }
}
