import LossKitHead
import LossKitLogits

/// The activations of a forward pass over a batch: all layers for the backward pass, or one layer at a time for values only.
final class Activations {
  /// The activations of one layer, for T tokens.
  struct Layer {
    /// The residual stream before attention, [T, hidden], and the inverse norms of its rows.
    let input, attentionInverses: UnsafeMutablePointer<Float>
    /// Queries, rotated keys, and values, [T, attention size]; see `Attention.Sequence` for these and the next three.
    let queryKeyValue, queries, attended, logSumExp: UnsafeMutablePointer<Float>
    /// The residual stream before the feed-forward part, [T, hidden], and the inverse norms of its rows.
    let middle, feedForwardInverses: UnsafeMutablePointer<Float>
    /// Gates and ups, [T, 2 · intermediate].
    let gateUp: UnsafeMutablePointer<Float>
    /// Queries and keys before their norm, [T, queries and keys]; empty without such a norm.
    let unnormed: UnsafeMutablePointer<Float>
    /// The outputs of attention and of the feed-forward block before their norm, [T, hidden], and their inverse norms; empty without.
    let attentionOutput, attentionOutputInverses, feedForwardOutput,
      feedForwardOutputInverses: UnsafeMutablePointer<Float>
  }

  private let architecture: Architecture
  /// The number of layers with separate memory: all, or 1.
  private let keptLayers: Int
  private let memory: FloatBuffer
  private(set) var layers: [Layer] = []
  /// The residual stream after the last layer, [T, hidden].
  private(set) var output: UnsafeMutablePointer<Float>
  /// For the S scored positions: the residual stream [S, hidden], its inverse norms, and the normed stream [S, hidden].
  private(set) var scored, scoredInverses, scoredNorm: UnsafeMutablePointer<Float>
  /// The scores of the targets, one per reference, or one without references; empty if not requested.
  var scores: [LogProbabilities] = []
  /// The first scored position with non-finite hidden states, if any; nothing is scored then.
  var divergedPosition: Int?

  init(_ architecture: Architecture, isKept: Bool) throws {
    self.architecture = architecture
    keptLayers = isKept ? architecture.layerCount : 1
    memory = try FloatBuffer(count: 0)
    output = memory.pointer
    scored = memory.pointer
    scoredInverses = memory.pointer
    scoredNorm = memory.pointer
  }

  /// Reserves memory for a batch with the given numbers of tokens and scored positions.
  func prepare(tokens: Int, scored count: Int) throws {
    let hidden = architecture.hiddenSize
    let query = architecture.querySize, variant = architecture.variant
    let outputs = variant.normPlacement == .before ? 0 : hidden
    let perLayer =
      [
        hidden, 1, architecture.attentionSize, query, query, architecture.headCount, hidden, 1,
        2 * architecture.intermediateSize, variant.queryKeyNorm == nil ? 0 : query + architecture.keyValueSize,
        outputs, min(outputs, 1), outputs, min(outputs, 1),
      ].map { $0 * tokens }
    let last = [tokens * hidden, count * hidden, count, count * hidden]
    try memory.reserve(Carver.size(of: perLayer) * keptLayers + Carver.size(of: last))
    var carver = Carver(memory)
    let distinct = (0..<keptLayers).map { _ in
      let arrays = perLayer.map { carver.take($0) }
      return Layer(
        input: arrays[0], attentionInverses: arrays[1], queryKeyValue: arrays[2], queries: arrays[3],
        attended: arrays[4], logSumExp: arrays[5], middle: arrays[6], feedForwardInverses: arrays[7],
        gateUp: arrays[8], unnormed: arrays[9], attentionOutput: arrays[10], attentionOutputInverses: arrays[11],
        feedForwardOutput: arrays[12], feedForwardOutputInverses: arrays[13])
    }
    layers = (0..<architecture.layerCount).map { distinct[min($0, keptLayers - 1)] }
    output = carver.take(last[0])
    scored = carver.take(last[1])
    scoredInverses = carver.take(last[2])
    scoredNorm = carver.take(last[3])
  }
}
