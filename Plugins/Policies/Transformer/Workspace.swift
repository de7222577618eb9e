import LossKitHead

/// Scratch memory of forward and backward passes.
final class Workspace {
  private let architecture: Architecture
  private let isRounded: Bool
  private let adapterRank: Int
  private let memory: FloatBuffer
  /// The matrix products, and the memory of the output head.
  let products: MatrixProducts
  let headMemory: LinearHeadMemory

  /// The arrays for a batch of T tokens, S of them scored.
  struct Arrays {
    /// A normed residual stream, [T, hidden], and its gradient.
    let norm, gradient: UnsafeMutablePointer<Float>
    /// The gradient of what a block adds to the stream, or of its inputs, [T, hidden or queries].
    let branchGradient: UnsafeMutablePointer<Float>
    /// What a block adds to the stream before it is scaled or normed, [T, hidden]; empty if it is added as it is.
    let branch: UnsafeMutablePointer<Float>
    /// Memory for [T, hidden] or [T, attention size] in bfloat16.
    let rounded: UnsafeMutablePointer<Float>
    /// Activations of the feed-forward block, and their gradients, [T, intermediate].
    let activated, activatedGradient: UnsafeMutablePointer<Float>
    /// Gradients of gates and ups, [T, 2 · intermediate], or of queries, keys and values, [T, attention size].
    let wideGradient: UnsafeMutablePointer<Float>
    /// Gradients of the scored rows, [S, hidden], normed and before the norm.
    let scoredNormGradient, scoredGradient: UnsafeMutablePointer<Float>
    /// See `Norm.addGradient`.
    let normSums: UnsafeMutablePointer<Float>
    /// The weights of up to two norms with the family's offset added; see `QueryKeyNorm` for the next.
    let normWeights, queryKeyNormScratch: UnsafeMutablePointer<Float>
    /// Inputs reduced to the ranks of an adapter, and the gradients of that, [T, rank]; each also in bfloat16.
    let reduced, reducedRounded, reducedGradient, reducedGradientRounded: UnsafeMutablePointer<Float>
    let attention: AttentionTeam
  }

  init(_ model: LlamaModel) throws {
    architecture = model.architecture
    isRounded = model.isRounded
    adapterRank = model.adapter?.layout.largestRank ?? 0
    memory = try FloatBuffer(count: 0)
    products = try MatrixProducts()
    headMemory = try LinearHeadMemory()
  }

  /// The arrays for a batch; those that only `backward` uses are empty in a forward pass.
  func arrays(for batch: TokenBatch, isBackward: Bool) throws -> Arrays {
    let tokens = batch.inputs.count, hidden = architecture.hiddenSize, intermediate = architecture.intermediateSize
    let query = architecture.querySize
    let back = isBackward ? 1 : 0, reduced = tokens * adapterRank, reducedRounded = isRounded ? (reduced + 1) / 2 : 0
    let sizes = [
      tokens * max(hidden, (query + 1) / 2), tokens * hidden * back, tokens * max(hidden, query) * back,
      tokens * intermediate,
      tokens * intermediate * back, tokens * max(2 * intermediate, architecture.attentionSize) * back,
      batch.targets.count * hidden * back, batch.targets.count * hidden * back,
      isRounded ? tokens * max(hidden, architecture.attentionSize) / 2 + 1 : 0, Norm.sumCount(width: hidden),
      architecture.addsDirectly ? 0 : tokens * hidden, 2 * max(hidden, query),
      isBackward ? QueryKeyNorm.scratchCount(architecture) : 0, reduced, reducedRounded, reduced * back,
      reducedRounded * back,
    ]
    let members = Team.size, attentionSizes = Attention.workspaceSizes(architecture, length: batch.longest)
    try memory.reserve(Carver.size(of: sizes) + Carver.size(of: attentionSizes) * members)
    var carver = Carver(memory)
    let arrays = sizes.map { carver.take($0) }
    return Arrays(
      norm: arrays[0], gradient: arrays[1], branchGradient: arrays[2], branch: arrays[10], rounded: arrays[8],
      activated: arrays[3],
      activatedGradient: arrays[4], wideGradient: arrays[5], scoredNormGradient: arrays[6],
      scoredGradient: arrays[7], normSums: arrays[9],
      normWeights: arrays[11], queryKeyNormScratch: arrays[12],
      reduced: arrays[13], reducedRounded: arrays[14], reducedGradient: arrays[15],
      reducedGradientRounded: arrays[16],
      attention: AttentionTeam(
        members: (0..<members).map { _ in Attention(architecture, &carver, sizes: attentionSizes) }))
  }
}
