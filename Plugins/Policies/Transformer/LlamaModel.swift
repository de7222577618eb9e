import LossKitHead

/// A decoder-only Llama model: its weights, and the log-probabilities of a batch's tokens.
final class LlamaModel {
  let architecture: Architecture
  let layout: WeightLayout
  /// All weights, in the order of `layout`.
  let weights: FloatBuffer
  /// Whether matrix products with weights use bfloat16.
  var isRounded: Bool { rounded != nil }
  /// The weights in bfloat16.
  private let rounded: FloatBuffer?
  private(set) var rotary: Rotary

  /// Creates a model whose weights are 0. If `isRounded`, its products use bfloat16.
  init(_ architecture: Architecture, isRounded: Bool = false) throws {
    try architecture.validate()
    self.architecture = architecture
    layout = WeightLayout(architecture)
    weights = try FloatBuffer(count: layout.count)
    rounded = isRounded ? try FloatBuffer(count: (layout.count + 1) / 2) : nil
    rotary = Rotary(headSize: architecture.headSize, theta: architecture.ropeTheta)
  }

  /// Must be called before `forward` for sequences of up to `positions` positions. The passes do not change the model, so several threads
  /// may run them concurrently.
  func prepare(positions: Int) { rotary.prepare(positions: positions) }

  /// The weights in bfloat16, if products use it.
  var roundedWeights: UnsafeMutablePointer<BFloat16Bits>? {
    rounded.map { UnsafeMutableRawPointer($0.pointer).assumingMemoryBound(to: BFloat16Bits.self) }
  }

  /// Must be called after the weights are changed by anything but the optimizer.
  func roundWeights() {
    guard let target = roundedWeights else { return }
    let source = weights.pointer
    Threads.forEachRange(of: layout.count) { range in
      let start = range.lowerBound
      _ = MatrixProducts.rounded(
        source + start, stride: range.count, into: target + start, rows: 1, columns: range.count)
    }
  }

  /// Computes the activations of a batch, including the scores of its targets if `scoring` is given, with divergences from
  /// `references`, whose rows are the batch's positions.
  func forward(
    _ batch: TokenBatch, _ activations: Activations, _ workspace: Workspace, scoring: Scoring? = Scoring(),
    references: [LinearHead.Reference] = []
  ) throws {
    guard !batch.inputs.isEmpty else { return }
    try activations.prepare(tokens: batch.inputs.count, scored: batch.targets.count)
    let arrays = try workspace.arrays(for: batch, isBackward: false)
    embed(batch, into: activations.layers.first?.input ?? activations.output)
    for index in activations.layers.indices {
      let isLast = index == activations.layers.count - 1
      try forward(
        batch, layer: activations.layers[index], at: layout.layers[index], arrays, workspace.products,
        into: isLast ? activations.output : activations.layers[index + 1].input)
    }
    gatherScored(batch, activations)
    guard let scoring, activations.divergedPosition == nil else { return }
    try score(batch, activations, workspace, scoring, references: references)
  }

  private func embed(_ batch: TokenBatch, into output: UnsafeMutablePointer<Float>) {
    let hidden = architecture.hiddenSize
    for (row, token) in batch.inputs.enumerated() {
      (output + row * hidden).update(
        from: weights.pointer + layout.embedding + Int(token) * hidden, count: hidden)
    }
  }

  private func forward(
    _ batch: TokenBatch, layer: Activations.Layer, at offsets: WeightLayout.Layer, _ arrays: Workspace.Arrays,
    _ products: MatrixProducts, into output: UnsafeMutablePointer<Float>
  ) throws {
    let tokens = batch.inputs.count, hidden = architecture.hiddenSize, intermediate = architecture.intermediateSize
    let norm = operand(arrays.norm, columns: hidden)
    normalize(layer.input, layer.attentionInverses, weight: offsets.attentionNorm, into: arrays.norm, rows: tokens)
    try products.run(
      norm, weight(offsets.queryKeyValue, columns: hidden).transposed,
      into: Matrix(layer.queryKeyValue, stride: architecture.attentionSize), rows: tokens,
      columns: architecture.attentionSize, inner: hidden)
    try arrays.attention.forward(batch.segments, layer, rotary: rotary)
    layer.middle.update(from: layer.input, count: tokens * hidden)
    try products.run(
      operand(of: layer.attended, columns: hidden, rows: tokens, roundedInto: arrays.rounded),
      weight(offsets.attentionOutput, columns: hidden).transposed,
      into: Matrix(layer.middle, stride: hidden), rows: tokens, columns: hidden, inner: hidden, adding: true)
    normalize(layer.middle, layer.feedForwardInverses, weight: offsets.feedForwardNorm, into: arrays.norm, rows: tokens)
    try products.run(
      norm, weight(offsets.gateUp, columns: hidden).transposed, into: Matrix(layer.gateUp, stride: 2 * intermediate),
      rows: tokens, columns: 2 * intermediate, inner: hidden)
    SwiGLU.apply(layer.gateUp, into: arrays.activated, isRounded: isRounded, rows: tokens, width: intermediate)
    output.update(from: layer.middle, count: tokens * hidden)
    try products.run(
      operand(arrays.activated, columns: intermediate), weight(offsets.down, columns: intermediate).transposed,
      into: Matrix(output, stride: hidden), rows: tokens, columns: hidden, inner: intermediate, adding: true)
  }

  /// Gathers the scored positions and applies the final norm.
  private func gatherScored(_ batch: TokenBatch, _ activations: Activations) {
    let hidden = architecture.hiddenSize
    for (scored, row) in batch.scoredRows.enumerated() {
      (activations.scored + scored * hidden).update(from: activations.output + row * hidden, count: hidden)
    }
    Norm.inverses(
      activations.scored, into: activations.scoredInverses, rows: batch.targets.count, width: hidden,
      epsilon: Float(architecture.normEpsilon))
    // The head takes floats and rounds them itself.
    Norm.apply(
      activations.scored, inverses: activations.scoredInverses, weight: weights.pointer + layout.finalNorm,
      into: activations.scoredNorm, isRounded: false, rows: batch.targets.count, width: hidden)
    activations.scores = []
    // The inverse norm is 0 for a row with an infinity, NaN for a row with a NaN.
    activations.divergedPosition = batch.targets.indices.first { !(activations.scoredInverses[$0] > 0) }
  }

  private func normalize(
    _ input: UnsafeMutablePointer<Float>, _ inverses: UnsafeMutablePointer<Float>, weight: Int,
    into output: UnsafeMutablePointer<Float>, rows: Int
  ) {
    Norm.inverses(
      input, into: inverses, rows: rows, width: architecture.hiddenSize, epsilon: Float(architecture.normEpsilon))
    Norm.apply(
      input, inverses: inverses, weight: weights.pointer + weight, into: output, isRounded: isRounded, rows: rows,
      width: architecture.hiddenSize)
  }
}

extension LlamaModel {
  /// A weight matrix with rows of `columns` numbers.
  func weight(_ offset: Int, columns: Int) -> Factor {
    roundedWeights.map { Factor(rounded: $0 + offset, stride: columns) }
      ?? Factor(weights.pointer + offset, stride: columns)
  }

  /// Numbers already in the type of this model's products, as a factor.
  func operand(_ start: UnsafeMutablePointer<Float>, columns: Int) -> Factor {
    guard isRounded else { return Factor(start, stride: columns) }
    return Factor(
      rounded: UnsafeRawPointer(start).assumingMemoryBound(to: BFloat16Bits.self), stride: columns)
  }

  /// Converts floats to the type of this model's products; uses `buffer` if they must be rounded.
  func operand(
    of values: UnsafeMutablePointer<Float>, columns: Int, rows: Int,
    roundedInto buffer: UnsafeMutablePointer<Float>
  ) -> Factor {
    guard isRounded else { return Factor(values, stride: columns) }
    return MatrixProducts.rounded(
      values, stride: columns, into: UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: BFloat16Bits.self),
      rows: rows, columns: columns)
  }
}
