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
      try backwardAttention(batch, layer, offsets, rules[index], arrays, products, gradient.pointer)
    }
    let hidden = architecture.hiddenSize, add = RowKernels.best.add_scaled
    for (row, token) in batch.inputs.enumerated() {
      add?(
        gradient.pointer + layout.embedding + Int(token) * hidden, arrays.gradient + row * hidden,
        architecture.variant.embeddingScale, hidden)
    }
  }

  /// Final norm and gather: writes the gradient of the residual stream after the last layer.
  private func backwardGather(
    _ batch: TokenBatch, _ activations: Activations, _ arrays: Workspace.Arrays,
    _ gradient: UnsafeMutablePointer<Float>
  ) {
    let hidden = architecture.hiddenSize, count = batch.targets.count
    arrays.scoredGradient.update(repeating: 0, count: count * hidden)
    let scale = architecture.variant.logitScale
    if scale != 1 { multiply(arrays.scoredNormGradient, by: scale, count: count * hidden) }
    Norm.addGradient(
      activations.scored, inverses: activations.scoredInverses,
      weight: normWeight(layout.finalNorm, count: hidden, arrays),
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
    let block = blockGradient(
      norm: offsets.feedForwardOutputNorm, (layer.feedForwardOutput, layer.feedForwardOutputInverses), tokens, arrays,
      gradient)
    addColumnSums(of: block, rows: tokens, columns: hidden, toBias: offsets.downBias, gradient)
    let stream = operand(of: block, columns: hidden, rows: tokens, roundedInto: arrays.rounded)
    try products.run(
      stream, weight(offsets.down, columns: intermediate),
      into: Matrix(arrays.activatedGradient, stride: intermediate), rows: tokens, columns: intermediate, inner: hidden)
    gates.gradient(
      layer.gateUp, cotangent: arrays.activatedGradient, into: arrays.wideGradient, output: arrays.activated,
      isRounded: isRounded, rows: tokens, width: intermediate)
    try products.run(
      stream.transposed, operand(arrays.activated, columns: intermediate),
      into: Matrix(gradient + offsets.down, stride: intermediate), rows: hidden, columns: intermediate, inner: tokens,
      adding: true)
    let wide = operand(arrays.wideGradient, columns: 2 * intermediate)
    addColumnSums(of: wide, rows: tokens, columns: 2 * intermediate, toBias: offsets.gateUpBias, gradient)
    try backwardProjection(
      wide, width: 2 * intermediate, weight: offsets.gateUp,
      norm: offsets.feedForwardNorm, input: layer.middle, inverses: layer.feedForwardInverses, tokens, arrays,
      products, gradient)
  }

  /// Backpropagates the gradient of the residual stream through attention.
  private func backwardAttention(
    _ batch: TokenBatch, _ layer: Activations.Layer, _ offsets: WeightLayout.Layer, _ rule: AttentionRule,
    _ arrays: Workspace.Arrays, _ products: MatrixProducts, _ gradient: UnsafeMutablePointer<Float>
  ) throws {
    let tokens = batch.inputs.count, hidden = architecture.hiddenSize, width = architecture.attentionSize
    let query = architecture.querySize
    let block = blockGradient(
      norm: offsets.attentionOutputNorm, (layer.attentionOutput, layer.attentionOutputInverses), tokens, arrays,
      gradient)
    addColumnSums(of: block, rows: tokens, columns: hidden, toBias: offsets.attentionOutputBias, gradient)
    let stream = operand(of: block, columns: hidden, rows: tokens, roundedInto: arrays.rounded)
    try products.run(
      stream.transposed, operand(of: layer.attended, columns: query, rows: tokens, roundedInto: arrays.norm),
      into: Matrix(gradient + offsets.attentionOutput, stride: query), rows: hidden, columns: query, inner: tokens,
      adding: true)
    try products.run(
      stream, weight(offsets.attentionOutput, columns: query), into: Matrix(arrays.branchGradient, stride: query),
      rows: tokens, columns: query, inner: hidden)
    try arrays.attention.backward(
      batch.segments, layer, rule: rule, cotangent: arrays.branchGradient, into: arrays.wideGradient)
    if let norm = queryKeyNorm(offsets, arrays), let queryNorm = offsets.queryNorm, let keyNorm = offsets.keyNorm {
      norm.backward(
        arrays.wideGradient, before: layer.unnormed, rows: tokens, queryWeightGradient: gradient + queryNorm,
        keyWeightGradient: gradient + keyNorm, scratch: arrays.queryKeyNormScratch)
    }
    addColumnSums(of: arrays.wideGradient, rows: tokens, columns: width, toBias: offsets.queryKeyValueBias, gradient)
    try backwardProjection(
      operand(of: arrays.wideGradient, columns: width, rows: tokens, roundedInto: arrays.rounded), width: width,
      weight: offsets.queryKeyValue, norm: offsets.attentionNorm, input: layer.input,
      inverses: layer.attentionInverses, tokens, arrays, products, gradient)
  }

  /// The gradient of a block's last product, given that of the stream it is added to: the same, or back through factor and norm.
  private func blockGradient(
    norm: Int?, _ kept: (product: UnsafeMutablePointer<Float>, inverses: UnsafeMutablePointer<Float>), _ tokens: Int,
    _ arrays: Workspace.Arrays, _ gradient: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    if architecture.addsDirectly { return arrays.gradient }
    let hidden = architecture.hiddenSize, scale = architecture.variant.residualScale
    arrays.branch.update(repeating: 0, count: tokens * hidden)
    guard let norm else {
      RowKernels.best.add_scaled(arrays.branch, arrays.gradient, scale, tokens * hidden)
      return arrays.branch
    }
    Norm.addGradient(
      kept.product, inverses: kept.inverses, weight: normWeight(norm, count: hidden, arrays),
      cotangent: arrays.gradient, into: arrays.branch, weightGradient: gradient + norm, sums: arrays.normSums,
      rows: tokens, width: hidden)
    return arrays.branch
  }

  /// Backpropagates the gradient of a projection of the stream, normed or not, into the stream's gradient.
  private func backwardProjection(
    _ cotangent: Factor, width: Int, weight offset: Int, norm: Int?, input: UnsafeMutablePointer<Float>,
    inverses: UnsafeMutablePointer<Float>, _ tokens: Int, _ arrays: Workspace.Arrays, _ products: MatrixProducts,
    _ gradient: UnsafeMutablePointer<Float>
  ) throws {
    let hidden = architecture.hiddenSize
    guard let norm else {
      try products.run(
        cotangent.transposed, operand(of: input, columns: hidden, rows: tokens, roundedInto: arrays.norm),
        into: Matrix(gradient + offset, stride: hidden), rows: width, columns: hidden, inner: tokens, adding: true)
      try products.run(
        cotangent, weight(offset, columns: hidden), into: Matrix(arrays.gradient, stride: hidden), rows: tokens,
        columns: hidden, inner: width, adding: true)
      return
    }
    let normWeight = normWeight(norm, count: hidden, arrays)
    Norm.apply(
      input, inverses: inverses, weight: normWeight, into: arrays.norm, isRounded: isRounded, rows: tokens,
      width: hidden)
    try products.run(
      cotangent.transposed, operand(arrays.norm, columns: hidden), into: Matrix(gradient + offset, stride: hidden),
      rows: width, columns: hidden, inner: tokens, adding: true)
    let branch = Matrix(arrays.branchGradient, stride: hidden)
    try products.run(
      cotangent, weight(offset, columns: hidden), into: branch, rows: tokens, columns: hidden, inner: width)
    Norm.addGradient(
      input, inverses: inverses, weight: normWeight, cotangent: branch.start, into: arrays.gradient,
      weightGradient: gradient + norm, sums: arrays.normSums, rows: tokens, width: hidden)
  }

  /// Adds the column sums of the gradient of a product to the gradient of its bias, if there is one.
  private func addColumnSums(
    of values: UnsafeMutablePointer<Float>, rows: Int, columns: Int, toBias offset: Int?,
    _ gradient: UnsafeMutablePointer<Float>
  ) {
    guard let offset else { return }
    for row in 0..<rows { RowKernels.best.add(gradient + offset, values + row * columns, columns) }
  }

  /// The same for a gradient in the type of products.
  private func addColumnSums(
    of values: Factor, rows: Int, columns: Int, toBias offset: Int?, _ gradient: UnsafeMutablePointer<Float>
  ) {
    guard let offset else { return }
    values.forEachRow(rows: rows, columns: columns) { RowKernels.best.add(gradient + offset, $0, columns) }
  }
}
