import CLossKitRows
import LossKitHead

extension LlamaModel {
  /// Adds to `gradient`, laid out like the weights that are trained, given `cotangent`, the gradient of what `forward` scored for the same batch and
  /// references with activations of all layers. Does not change the activations.
  func backward(
    _ batch: TokenBatch, _ activations: Activations, _ workspace: Workspace, cotangent: HeadCotangent,
    references: [LinearHead.Reference] = [], into gradient: FloatBuffer
  ) throws {
    guard !batch.inputs.isEmpty else { return }
    let arrays = try workspace.arrays(for: batch, isBackward: true), products = workspace.products
    let gradient = GradientTarget(gradient, hasAdapter: adapter != nil)
    try backwardHead(
      activations, workspace, cotangent, references: references, into: arrays.scoredNormGradient,
      weightGradient: gradient.weight(layout.head))
    backwardGather(batch, activations, arrays, gradient)
    for index in activations.layers.indices.reversed() {
      let layer = activations.layers[index], offsets = layout.layers[index], adapted = adapter?.layout.layers[index]
      try backwardFeedForward(batch.inputs.count, layer, offsets, adapted, arrays, products, gradient)
      try backwardAttention(batch, layer, offsets, adapted, rules[index], arrays, products, gradient)
    }
    guard let embedding = gradient.weight(layout.embedding) else { return }
    let hidden = architecture.hiddenSize, add = RowKernels.best.add_scaled
    for (row, token) in batch.inputs.enumerated() {
      add?(
        embedding + Int(token) * hidden, arrays.gradient + row * hidden, architecture.variant.embeddingScale, hidden)
    }
  }

  /// Final norm and gather: writes the gradient of the residual stream after the last layer.
  private func backwardGather(
    _ batch: TokenBatch, _ activations: Activations, _ arrays: Workspace.Arrays,
    _ gradient: GradientTarget
  ) {
    let hidden = architecture.hiddenSize, count = batch.targets.count
    arrays.scoredGradient.update(repeating: 0, count: count * hidden)
    let scale = architecture.variant.logitScale
    if scale != 1 { multiply(arrays.scoredNormGradient, by: scale, count: count * hidden) }
    Norm.addGradient(
      activations.scored, inverses: activations.scoredInverses,
      weight: normWeight(layout.finalNorm, count: hidden, arrays),
      cotangent: arrays.scoredNormGradient, into: arrays.scoredGradient,
      weightGradient: gradient.weight(layout.finalNorm), sums: arrays.normSums, rows: count, width: hidden)
    arrays.gradient.update(repeating: 0, count: batch.inputs.count * hidden)
    // A prompt's last row is scored once per response.
    for (scored, row) in batch.scoredRows.enumerated() {
      RowKernels.best.add(arrays.gradient + row * hidden, arrays.scoredGradient + scored * hidden, hidden)
    }
  }

  /// Backpropagates the gradient of the residual stream through the feed-forward block.
  private func backwardFeedForward(
    _ tokens: Int, _ layer: Activations.Layer, _ offsets: WeightLayout.Layer, _ adapted: AdapterLayout.Layer?,
    _ arrays: Workspace.Arrays, _ products: MatrixProducts, _ gradient: GradientTarget
  ) throws {
    let hidden = architecture.hiddenSize, intermediate = architecture.intermediateSize
    let block = blockGradient(
      norm: offsets.feedForwardOutputNorm, (layer.feedForwardOutput, layer.feedForwardOutputInverses), tokens, arrays,
      gradient)
    addColumnSums(of: block, rows: tokens, columns: hidden, toBias: offsets.downBias, gradient)
    let stream = operand(of: block, columns: hidden, rows: tokens, roundedInto: arrays.rounded)
    let activatedGradient = Matrix(arrays.activatedGradient, stride: intermediate)
    try products.run(
      stream, weight(offsets.down, columns: intermediate), into: activatedGradient, rows: tokens,
      columns: intermediate, inner: hidden)
    let passed = try passBack(adapted?.down, stream, to: activatedGradient, tokens, arrays, products)
    gates.gradient(
      layer.gateUp, cotangent: arrays.activatedGradient, into: arrays.wideGradient, output: arrays.activated,
      isRounded: isRounded, rows: tokens, width: intermediate)
    try addWeightGradient(
      of: offsets.down, passed, cotangent: stream, width: hidden,
      input: operand(arrays.activated, columns: intermediate), inner: intermediate, tokens, arrays, products, gradient)
    let wide = operand(arrays.wideGradient, columns: 2 * intermediate)
    addColumnSums(of: wide, rows: tokens, columns: 2 * intermediate, toBias: offsets.gateUpBias, gradient)
    try backwardProjection(
      wide, width: 2 * intermediate, weight: offsets.gateUp, adapted?.gateUp,
      norm: offsets.feedForwardNorm, input: layer.middle, inverses: layer.feedForwardInverses, tokens, arrays,
      products, gradient)
  }

  /// Backpropagates the gradient of the residual stream through attention.
  private func backwardAttention(
    _ batch: TokenBatch, _ layer: Activations.Layer, _ offsets: WeightLayout.Layer, _ adapted: AdapterLayout.Layer?,
    _ rule: AttentionRule, _ arrays: Workspace.Arrays, _ products: MatrixProducts, _ gradient: GradientTarget
  ) throws {
    let tokens = batch.inputs.count, hidden = architecture.hiddenSize, width = architecture.attentionSize
    let query = architecture.querySize
    let block = blockGradient(
      norm: offsets.attentionOutputNorm, (layer.attentionOutput, layer.attentionOutputInverses), tokens, arrays,
      gradient)
    addColumnSums(of: block, rows: tokens, columns: hidden, toBias: offsets.attentionOutputBias, gradient)
    let stream = operand(of: block, columns: hidden, rows: tokens, roundedInto: arrays.rounded)
    let attendedGradient = Matrix(arrays.branchGradient, stride: query)
    try products.run(
      stream, weight(offsets.attentionOutput, columns: query), into: attendedGradient, rows: tokens, columns: query,
      inner: hidden)
    let passed = try passBack(adapted?.attentionOutput, stream, to: attendedGradient, tokens, arrays, products)
    try addWeightGradient(
      of: offsets.attentionOutput, passed, cotangent: stream, width: hidden,
      input: operand(of: layer.attended, columns: query, rows: tokens, roundedInto: arrays.norm), inner: query, tokens,
      arrays, products, gradient)
    try arrays.attention.backward(
      batch.segments, layer, rule: rule, cotangent: arrays.branchGradient, into: arrays.wideGradient)
    if let norm = queryKeyNorm(offsets, arrays), let queryNorm = offsets.queryNorm, let keyNorm = offsets.keyNorm {
      norm.backward(
        arrays.wideGradient, before: layer.unnormed, rows: tokens, queryWeightGradient: gradient.weight(queryNorm),
        keyWeightGradient: gradient.weight(keyNorm), scratch: arrays.queryKeyNormScratch)
    }
    addColumnSums(of: arrays.wideGradient, rows: tokens, columns: width, toBias: offsets.queryKeyValueBias, gradient)
    try backwardProjection(
      operand(of: arrays.wideGradient, columns: width, rows: tokens, roundedInto: arrays.rounded), width: width,
      weight: offsets.queryKeyValue, adapted?.queryKeyValue, norm: offsets.attentionNorm, input: layer.input,
      inverses: layer.attentionInverses, tokens, arrays, products, gradient)
  }

  /// The gradient of a block's last product, given that of the stream it is added to: the same, or back through factor and norm.
  private func blockGradient(
    norm: Int?, _ kept: (product: UnsafeMutablePointer<Float>, inverses: UnsafeMutablePointer<Float>), _ tokens: Int,
    _ arrays: Workspace.Arrays, _ gradient: GradientTarget
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
      cotangent: arrays.gradient, into: arrays.branch, weightGradient: gradient.weight(norm),
      sums: arrays.normSums, rows: tokens, width: hidden)
    return arrays.branch
  }

  /// Backpropagates the gradient of a projection of the stream, normed or not, into the stream's gradient.
  private func backwardProjection(
    _ cotangent: Factor, width: Int, weight offset: Int, _ adapted: AdapterLayout.Group?, norm: Int?,
    input: UnsafeMutablePointer<Float>, inverses: UnsafeMutablePointer<Float>, _ tokens: Int,
    _ arrays: Workspace.Arrays, _ products: MatrixProducts,
    _ gradient: GradientTarget
  ) throws {
    let hidden = architecture.hiddenSize
    guard let norm else {
      let stream = Matrix(arrays.gradient, stride: hidden)
      try products.run(
        cotangent, weight(offset, columns: hidden), into: stream, rows: tokens, columns: hidden, inner: width,
        adding: true)
      let passed = try passBack(adapted, cotangent, to: stream, tokens, arrays, products)
      try addWeightGradient(
        of: offset, passed, cotangent: cotangent, width: width,
        input: operand(of: input, columns: hidden, rows: tokens, roundedInto: arrays.norm), inner: hidden, tokens,
        arrays, products, gradient)
      return
    }
    let normWeight = normWeight(norm, count: hidden, arrays)
    let branch = Matrix(arrays.branchGradient, stride: hidden)
    try products.run(
      cotangent, weight(offset, columns: hidden), into: branch, rows: tokens, columns: hidden, inner: width)
    let passed = try passBack(adapted, cotangent, to: branch, tokens, arrays, products)
    if gradient.weights != nil || passed != nil {
      Norm.apply(
        input, inverses: inverses, weight: normWeight, into: arrays.norm, isRounded: isRounded, rows: tokens,
        width: hidden)
      try addWeightGradient(
        of: offset, passed, cotangent: cotangent, width: width, input: operand(arrays.norm, columns: hidden),
        inner: hidden, tokens, arrays, products, gradient)
    }
    Norm.addGradient(
      input, inverses: inverses, weight: normWeight, cotangent: branch.start, into: arrays.gradient,
      weightGradient: gradient.weight(norm), sums: arrays.normSums, rows: tokens, width: hidden)
  }

  /// Adds the gradient of a weight matrix or of its adapter, given that of the product, [tokens, width], and its input, [tokens, inner].
  private func addWeightGradient(
    of offset: Int, _ passed: PassedBack?, cotangent: Factor, width: Int, input: @autoclosure () -> Factor, inner: Int,
    _ tokens: Int, _ arrays: Workspace.Arrays, _ products: MatrixProducts, _ gradient: GradientTarget
  ) throws {
    if let weight = gradient.weight(offset) {
      try products.run(
        cotangent.transposed, input(), into: Matrix(weight, stride: inner), rows: width, columns: inner, inner: tokens,
        adding: true)
    } else if let passed, let adapter = gradient.adapter {
      try addAdapterGradient(passed, cotangent: cotangent, input: input(), tokens, arrays, products, into: adapter)
    }
  }

  /// Adds the column sums of the gradient of a product to the gradient of its bias, if there is one.
  private func addColumnSums(
    of values: UnsafeMutablePointer<Float>, rows: Int, columns: Int, toBias offset: Int?,
    _ gradient: GradientTarget
  ) {
    guard let sums = gradient.weight(offset) else { return }
    for row in 0..<rows { RowKernels.best.add(sums, values + row * columns, columns) }
  }

  /// The same for a gradient in the type of products.
  private func addColumnSums(
    of values: Factor, rows: Int, columns: Int, toBias offset: Int?, _ gradient: GradientTarget
  ) {
    guard let sums = gradient.weight(offset) else { return }
    values.forEachRow(rows: rows, columns: columns) { RowKernels.best.add(sums, $0, columns) }
  }
}
