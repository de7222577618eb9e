import CLossKitRows
import LossKitHead

extension LlamaModel {
  /// Adds to `gradient`, laid out like the weights, given `cotangent`, the gradient of what `forward` scored for the same batch and
  /// references with activations of all layers. Does not change the activations.
  func backward(
    _ batch: TokenBatch, _ activations: Activations, _ workspace: Workspace, cotangent: HeadCotangent,
    references: [LinearHead.Reference] = [], into gradient: FloatBuffer
  ) throws {
    guard !batch.inputs.isEmpty else { return }
    let arrays = try workspace.arrays(for: batch, isBackward: true), products = workspace.products
    try backwardHead(
      activations, workspace, cotangent, references: references, into: arrays.scoredNormGradient,
      weightGradient: gradient.pointer + layout.head)
    backwardGather(batch, activations, arrays, gradient.pointer)
    for index in activations.layers.indices.reversed() {
      let layer = activations.layers[index], offsets = layout.layers[index]
      try backwardFeedForward(batch.inputs.count, layer, offsets, arrays, products, gradient.pointer)
      try backwardAttention(batch, layer, offsets, arrays, products, gradient.pointer)
    }
    let hidden = architecture.hiddenSize, add = RowKernels.best.add
    for (row, token) in batch.inputs.enumerated() {
      add?(gradient.pointer + layout.embedding + Int(token) * hidden, arrays.gradient + row * hidden, hidden)
    }
  }

  /// Final norm and gather: writes the gradient of the residual stream after the last layer.
  private func backwardGather(
    _ batch: TokenBatch, _ activations: Activations, _ arrays: Workspace.Arrays,
    _ gradient: UnsafeMutablePointer<Float>
  ) {
    let hidden = architecture.hiddenSize, count = batch.targets.count
    arrays.scoredGradient.update(repeating: 0, count: count * hidden)
    Norm.addGradient(
      activations.scored, inverses: activations.scoredInverses, weight: weights.pointer + layout.finalNorm,
      cotangent: arrays.scoredNormGradient, into: arrays.scoredGradient,
      weightGradient: gradient + layout.finalNorm, sums: arrays.normSums, rows: count, width: hidden)
    arrays.gradient.update(repeating: 0, count: batch.inputs.count * hidden)
    // A prompt's last row is scored once per response.
    for (scored, row) in batch.scoredRows.enumerated() {
      RowKernels.best.add(arrays.gradient + row * hidden, arrays.scoredGradient + scored * hidden, hidden)
    }
  }

  /// Backpropagates the gradient of the residual stream through the feed-forward block.
  private func backwardFeedForward(
    _ tokens: Int, _ layer: Activations.Layer, _ offsets: WeightLayout.Layer, _ arrays: Workspace.Arrays,
    _ products: MatrixProducts, _ gradient: UnsafeMutablePointer<Float>
  ) throws {
    let hidden = architecture.hiddenSize, intermediate = architecture.intermediateSize
    let stream = operand(of: arrays.gradient, columns: hidden, rows: tokens, roundedInto: arrays.rounded)
    try products.run(
      stream, weight(offsets.down, columns: intermediate),
      into: Matrix(arrays.activatedGradient, stride: intermediate), rows: tokens, columns: intermediate, inner: hidden)
    SwiGLU.gradient(
      layer.gateUp, cotangent: arrays.activatedGradient, into: arrays.wideGradient, output: arrays.activated,
      isRounded: isRounded, rows: tokens, width: intermediate)
    try products.run(
      stream.transposed, operand(arrays.activated, columns: intermediate),
      into: Matrix(gradient + offsets.down, stride: intermediate), rows: hidden, columns: intermediate, inner: tokens,
      adding: true)
    try backwardProjection(
      operand(arrays.wideGradient, columns: 2 * intermediate), width: 2 * intermediate, weight: offsets.gateUp,
      norm: offsets.feedForwardNorm, input: layer.middle, inverses: layer.feedForwardInverses, tokens, arrays,
      products, gradient)
  }

  /// Backpropagates the gradient of the residual stream through attention.
  private func backwardAttention(
    _ batch: TokenBatch, _ layer: Activations.Layer, _ offsets: WeightLayout.Layer, _ arrays: Workspace.Arrays,
    _ products: MatrixProducts, _ gradient: UnsafeMutablePointer<Float>
  ) throws {
    let tokens = batch.inputs.count, hidden = architecture.hiddenSize, width = architecture.attentionSize
    let stream = operand(of: arrays.gradient, columns: hidden, rows: tokens, roundedInto: arrays.rounded)
    try products.run(
      stream.transposed, operand(of: layer.attended, columns: hidden, rows: tokens, roundedInto: arrays.norm),
      into: Matrix(gradient + offsets.attentionOutput, stride: hidden), rows: hidden, columns: hidden, inner: tokens,
      adding: true)
    try products.run(
      stream, weight(offsets.attentionOutput, columns: hidden), into: Matrix(arrays.branchGradient, stride: hidden),
      rows: tokens, columns: hidden, inner: hidden)
    try arrays.attention.backward(
      batch.segments, layer, rotary: rotary, cotangent: arrays.branchGradient, into: arrays.wideGradient)
    try backwardProjection(
      operand(of: arrays.wideGradient, columns: width, rows: tokens, roundedInto: arrays.rounded), width: width,
      weight: offsets.queryKeyValue, norm: offsets.attentionNorm, input: layer.input,
      inverses: layer.attentionInverses, tokens, arrays, products, gradient)
  }

  /// Backpropagates the gradient of a projection of the normed stream into the stream's gradient.
  private func backwardProjection(
    _ cotangent: Factor, width: Int, weight offset: Int, norm: Int, input: UnsafeMutablePointer<Float>,
    inverses: UnsafeMutablePointer<Float>, _ tokens: Int, _ arrays: Workspace.Arrays, _ products: MatrixProducts,
    _ gradient: UnsafeMutablePointer<Float>
  ) throws {
    let hidden = architecture.hiddenSize
    Norm.apply(
      input, inverses: inverses, weight: weights.pointer + norm, into: arrays.norm, isRounded: isRounded,
      rows: tokens, width: hidden)
    try products.run(
      cotangent.transposed, operand(arrays.norm, columns: hidden), into: Matrix(gradient + offset, stride: hidden),
      rows: width, columns: hidden, inner: tokens, adding: true)
    let branch = Matrix(arrays.branchGradient, stride: hidden)
    try products.run(
      cotangent, weight(offset, columns: hidden), into: branch, rows: tokens, columns: hidden, inner: width)
    Norm.addGradient(
      input, inverses: inverses, weight: weights.pointer + norm, cotangent: branch.start, into: arrays.gradient,
      weightGradient: gradient + norm, sums: arrays.normSums, rows: tokens, width: hidden)
  }
}
