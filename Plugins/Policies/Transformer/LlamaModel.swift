import CLossKitRows
import LossKitHead

/// A decoder-only model of Llama's kind: its weights, and the log-probabilities of a batch's tokens.
final class LlamaModel {
  let architecture: Architecture
  let layout: WeightLayout
  /// All weights, in the order of `layout`; the vectors among them if matrices are in bfloat16 alone.
  let weights: FloatBuffer
  /// Whether matrix products with weights use bfloat16.
  var isRounded: Bool { rounded != nil }
  /// The weights in bfloat16.
  let rounded: FloatBuffer?
  /// What is added to the projections, if anything; the weights are shared and never change then.
  let adapter: Adapter?
  /// Whether other models may have the same weights.
  let sharesWeights: Bool
  /// What the attention of each layer computes.
  private(set) var rules: [AttentionRule]

  /// Creates a model whose weights are 0. If `isRounded`, its products use bfloat16; if it `isFrozen`, too, its matrices have no floats.
  init(_ architecture: Architecture, isRounded: Bool = false, isFrozen: Bool = false) throws {
    try architecture.validate()
    self.architecture = architecture
    layout = WeightLayout(architecture, separatesMatrices: isRounded && isFrozen)
    weights = try FloatBuffer(count: layout.count)
    let roundedCount = layout.separatesMatrices ? layout.matrixCount : layout.count
    rounded = isRounded ? try FloatBuffer(count: (roundedCount + 1) / 2) : nil
    adapter = nil
    sharesWeights = false
    rules = (0..<architecture.layerCount).map(architecture.attentionRule)
  }

  /// Creates a model with the weights of another, which must not change any more.
  init(sharing base: LlamaModel, adapter: Adapter?) {
    architecture = base.architecture
    layout = base.layout
    weights = base.weights
    rounded = base.rounded
    self.adapter = adapter
    sharesWeights = true
    rules = base.rules
  }

  /// Must be called before `forward` for sequences of up to `positions` positions. The passes do not change the model, so several threads
  /// may run them concurrently.
  func prepare(positions: Int) {
    // Layers with equal frequencies share a table.
    var prepared: [Rotary] = []
    for index in rules.indices {
      if let table = prepared.first(where: { $0.frequencies == rules[index].rotary.frequencies }) {
        rules[index].rotary = table
      } else {
        rules[index].rotary.prepare(positions: positions)
        prepared.append(rules[index].rotary)
      }
    }
  }

  /// The weights in bfloat16, if products use it.
  var roundedWeights: UnsafeMutablePointer<BFloat16Bits>? {
    rounded?.bfloat16
  }

  /// Must be called after the weights are changed by anything but the optimizer.
  func roundWeights() {
    guard let target = roundedWeights, !layout.separatesMatrices else { return }
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
    references: [LinearHead.Reference] = [], attention: any AttentionPass = BatchAttention()
  ) throws {
    guard !batch.inputs.isEmpty else { return }
    try activations.prepare(tokens: batch.inputs.count, scored: batch.targets.count)
    let arrays = try workspace.arrays(for: batch, isBackward: false)
    embed(batch, into: activations.layers.first?.input ?? activations.output)
    for index in activations.layers.indices {
      let isLast = index == activations.layers.count - 1
      try forward(
        batch, layer: activations.layers[index], at: layout.layers[index], adapter?.layout.layers[index], arrays,
        workspace.products, into: isLast ? activations.output : activations.layers[index + 1].input
      ) { try attention.forward(batch, layer: index, $0, rules[index], arrays.attention) }
    }
    gatherScored(batch, activations, arrays)
    guard let scoring, activations.divergedPosition == nil else { return }
    try score(batch, activations, workspace, scoring, references: references)
  }

  private func embed(_ batch: TokenBatch, into output: UnsafeMutablePointer<Float>) {
    let hidden = architecture.hiddenSize
    let scale = architecture.variant.embeddingScale
    for (row, token) in batch.inputs.enumerated() {
      let output = output + row * hidden
      if layout.separatesMatrices, let rounded = roundedWeights {
        losskit_expand_bfloat16(rounded + layout.embedding + Int(token) * hidden, hidden, output)
      } else {
        output.update(from: weights.pointer + layout.embedding + Int(token) * hidden, count: hidden)
      }
      if scale != 1 { multiply(output, by: scale, count: hidden) }
    }
  }

  private func forward(
    _ batch: TokenBatch, layer: Activations.Layer, at offsets: WeightLayout.Layer, _ adapted: AdapterLayout.Layer?,
    _ arrays: Workspace.Arrays, _ products: MatrixProducts, into output: UnsafeMutablePointer<Float>,
    attend: (Activations.Layer) throws -> Void
  ) throws {
    let tokens = batch.inputs.count, hidden = architecture.hiddenSize, intermediate = architecture.intermediateSize
    let width = architecture.attentionSize, query = architecture.querySize
    let attentionInput = normed(
      layer.input, layer.attentionInverses, norm: offsets.attentionNorm, arrays, rows: tokens)
    try products.run(
      attentionInput, weight(offsets.queryKeyValue, columns: hidden).transposed,
      into: Matrix(layer.queryKeyValue, stride: width), rows: tokens, columns: width, inner: hidden,
      adding: fill(layer.queryKeyValue, withBias: offsets.queryKeyValueBias, rows: tokens, columns: width))
    try addAdapted(
      adapted?.queryKeyValue, attentionInput, to: Matrix(layer.queryKeyValue, stride: width), tokens, arrays, products)
    queryKeyNorm(offsets, arrays)?.apply(layer.queryKeyValue, before: layer.unnormed, rows: tokens)
    try attend(layer)
    try addBlock(
      operand(of: layer.attended, columns: query, rows: tokens, roundedInto: arrays.rounded), inner: query,
      weight: offsets.attentionOutput, adapted?.attentionOutput, bias: offsets.attentionOutputBias,
      norm: offsets.attentionOutputNorm, kept: (layer.attentionOutput, layer.attentionOutputInverses), to: layer.input,
      into: layer.middle, tokens, arrays,
      products)
    let feedForwardInput = normed(
      layer.middle, layer.feedForwardInverses, norm: offsets.feedForwardNorm, arrays, rows: tokens)
    try products.run(
      feedForwardInput, weight(offsets.gateUp, columns: hidden).transposed,
      into: Matrix(layer.gateUp, stride: 2 * intermediate), rows: tokens, columns: 2 * intermediate, inner: hidden,
      adding: fill(layer.gateUp, withBias: offsets.gateUpBias, rows: tokens, columns: 2 * intermediate))
    try addAdapted(
      adapted?.gateUp, feedForwardInput, to: Matrix(layer.gateUp, stride: 2 * intermediate), tokens, arrays, products)
    gates.apply(layer.gateUp, into: arrays.activated, isRounded: isRounded, rows: tokens, width: intermediate)
    try addBlock(
      operand(arrays.activated, columns: intermediate), inner: intermediate, weight: offsets.down, adapted?.down,
      bias: offsets.downBias, norm: offsets.feedForwardOutputNorm,
      kept: (layer.feedForwardOutput, layer.feedForwardOutputInverses), to: layer.middle, into: output, tokens, arrays,
      products)
  }

  /// Writes stream + block, where the block's last product is of `factor` and a weight matrix, with what the family does to it: a bias, a
  /// norm, a factor. `kept` takes the product before its norm, and the inverse norms.
  private func addBlock(
    _ factor: Factor, inner: Int, weight offset: Int, _ adapted: AdapterLayout.Group?, bias: Int?, norm: Int?,
    kept: (product: UnsafeMutablePointer<Float>, inverses: UnsafeMutablePointer<Float>),
    to stream: UnsafeMutablePointer<Float>, into output: UnsafeMutablePointer<Float>, _ tokens: Int,
    _ arrays: Workspace.Arrays, _ products: MatrixProducts
  ) throws {
    let hidden = architecture.hiddenSize
    func multiply(into target: UnsafeMutablePointer<Float>, adding: Bool) throws {
      try products.run(
        factor, weight(offset, columns: inner).transposed, into: Matrix(target, stride: hidden), rows: tokens,
        columns: hidden, inner: inner, adding: adding)
      try addAdapted(adapted, factor, to: Matrix(target, stride: hidden), tokens, arrays, products)
    }
    output.update(from: stream, count: tokens * hidden)
    if architecture.addsDirectly {
      addBias(bias, to: output, rows: tokens, columns: hidden)
      try multiply(into: output, adding: true)
      return
    }
    let product = norm == nil ? arrays.branch : kept.product
    try multiply(into: product, adding: fill(product, withBias: bias, rows: tokens, columns: hidden))
    if let norm {
      normalize(
        product, kept.inverses, weight: norm, into: arrays.branch, arrays, isRounded: false, rows: tokens)
    }
    RowKernels.best.add_scaled(output, arrays.branch, architecture.variant.residualScale, tokens * hidden)
  }

  /// Gathers the scored positions and applies the final norm.
  private func gatherScored(_ batch: TokenBatch, _ activations: Activations, _ arrays: Workspace.Arrays) {
    let hidden = architecture.hiddenSize
    for (scored, row) in batch.scoredRows.enumerated() {
      (activations.scored + scored * hidden).update(from: activations.output + row * hidden, count: hidden)
    }
    // The head takes floats and rounds them itself.
    normalize(
      activations.scored, activations.scoredInverses, weight: layout.finalNorm, into: activations.scoredNorm, arrays,
      isRounded: false, rows: batch.targets.count)
    let scale = architecture.variant.logitScale
    if scale != 1 { multiply(activations.scoredNorm, by: scale, count: batch.targets.count * hidden) }
    activations.scores = []
    // The inverse norm is 0 for a row with an infinity, NaN for a row with a NaN.
    activations.divergedPosition = batch.targets.indices.first { !(activations.scoredInverses[$0] > 0) }
  }

  /// The stream as the input of a block's first product: normed if the family norms it there.
  private func normed(
    _ stream: UnsafeMutablePointer<Float>, _ inverses: UnsafeMutablePointer<Float>, norm: Int?,
    _ arrays: Workspace.Arrays, rows: Int
  ) -> Factor {
    let hidden = architecture.hiddenSize
    guard let norm else { return operand(of: stream, columns: hidden, rows: rows, roundedInto: arrays.rounded) }
    normalize(stream, inverses, weight: norm, into: arrays.norm, arrays, isRounded: isRounded, rows: rows)
    return operand(arrays.norm, columns: hidden)
  }

  private func normalize(
    _ input: UnsafeMutablePointer<Float>, _ inverses: UnsafeMutablePointer<Float>, weight: Int,
    into output: UnsafeMutablePointer<Float>, _ arrays: Workspace.Arrays, isRounded: Bool, rows: Int
  ) {
    Norm.inverses(
      input, into: inverses, rows: rows, width: architecture.hiddenSize, epsilon: Float(architecture.normEpsilon))
    Norm.apply(
      input, inverses: inverses, weight: normWeight(weight, count: architecture.hiddenSize, arrays), into: output,
      isRounded: isRounded, rows: rows, width: architecture.hiddenSize)
  }
}

extension LlamaModel {
  /// The activation of the feed-forward blocks.
  var gates: GatedActivation { GatedActivation(function: architecture.variant.activation) }

  /// The weights of a norm with the family's offset, in the `index`-th half of the workspace's memory for them.
  func normWeight(
    _ offset: Int, count: Int, _ arrays: Workspace.Arrays, at index: Int = 0
  ) -> UnsafeMutablePointer<Float> {
    let weight = weights.pointer + offset
    guard architecture.variant.normOffset != 0 else { return weight }
    let shifted = arrays.normWeights + index * max(architecture.hiddenSize, architecture.querySize)
    for column in 0..<count { shifted[column] = weight[column] + architecture.variant.normOffset }
    return shifted
  }

  /// The norm of a layer's queries and keys, if the family has one.
  func queryKeyNorm(_ offsets: WeightLayout.Layer, _ arrays: Workspace.Arrays) -> QueryKeyNorm? {
    guard let kind = architecture.variant.queryKeyNorm, let query = offsets.queryNorm, let key = offsets.keyNorm
    else { return nil }
    let isPerHead = kind == .head, size = architecture.headSize
    return QueryKeyNorm(
      kind, architecture,
      queryWeight: normWeight(query, count: isPerHead ? size : architecture.querySize, arrays),
      keyWeight: normWeight(key, count: isPerHead ? size : architecture.keyValueSize, arrays, at: 1))
  }

  /// Fills the rows of a product's target with a bias, so that the product is to be added; returns false without a bias.
  func fill(_ target: UnsafeMutablePointer<Float>, withBias offset: Int?, rows: Int, columns: Int) -> Bool {
    guard let offset else { return false }
    for row in 0..<rows { (target + row * columns).update(from: weights.pointer + offset, count: columns) }
    return true
  }

  /// Adds a bias, if there is one, to each row.
  func addBias(_ offset: Int?, to target: UnsafeMutablePointer<Float>, rows: Int, columns: Int) {
    guard let offset else { return }
    for row in 0..<rows { RowKernels.best.add(target + row * columns, weights.pointer + offset, columns) }
  }

  /// Multiplies floats by a factor in place.
  func multiply(_ values: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
    for index in 0..<count { values[index] *= factor }
  }

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
