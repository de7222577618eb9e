import LossKit

extension LlamaModel {
  /// Adds to `gradient`, laid out as the weights, from `cotangent`, the gradient of what `forward`
  /// made for the same batch with activations that keep all layers. The activations stay as they are.
  func backward(
    _ batch: TokenBatch, _ activations: Activations, _ workspace: Workspace, cotangent: HeadCotangent,
    into gradient: FloatBuffer
  ) throws {
    guard !batch.inputs.isEmpty else { return }
    let arrays = try workspace.arrays(for: batch, isBackward: true)
    try backwardScore(batch, activations, arrays, cotangent, gradient.pointer)
    for index in activations.layers.indices.reversed() {
      let layer = activations.layers[index], offsets = layout.layers[index]
      try backwardFeedForward(batch.inputs.count, layer, offsets, arrays, gradient.pointer)
      try backwardAttention(batch, layer, offsets, arrays, gradient.pointer)
    }
    let hidden = architecture.hiddenSize
    for (row, token) in batch.inputs.enumerated() {
      let source = arrays.gradient + row * hidden
      let target = gradient.pointer + layout.embedding + Int(token) * hidden
      for index in 0..<hidden { target[index] += source[index] }
    }
  }

  /// Head, final norm and gather: sets the gradient of the residual stream after the last layer.
  private func backwardScore(
    _ batch: TokenBatch, _ activations: Activations, _ arrays: Workspace.Arrays, _ cotangent: HeadCotangent,
    _ gradient: UnsafeMutablePointer<Float>
  ) throws {
    let hidden = architecture.hiddenSize, count = batch.targets.count
    try head(arrays).backward(
      activations.scoredNorm, targets: batch.targets, logSumExp: activations.scoredLogSumExp, cotangent: cotangent,
      into: arrays.scoredNormGradient, weightGradient: gradient + layout.head)
    arrays.scoredGradient.update(repeating: 0, count: count * hidden)
    Norm.addGradient(
      activations.scored, inverses: activations.scoredInverses, weight: weights.pointer + layout.finalNorm,
      cotangent: arrays.scoredNormGradient, into: arrays.scoredGradient,
      weightGradient: gradient + layout.finalNorm, rows: count, width: hidden)
    arrays.gradient.update(repeating: 0, count: batch.inputs.count * hidden)
    for (scored, row) in batch.scoredRows.enumerated() {
      // A prompt's last row is scored once for each of its responses.
      let source = arrays.scoredGradient + scored * hidden, target = arrays.gradient + row * hidden
      for index in 0..<hidden { target[index] += source[index] }
    }
  }

  /// Carries the gradient of the residual stream back over the feed-forward part.
  private func backwardFeedForward(
    _ tokens: Int, _ layer: Activations.Layer, _ offsets: WeightLayout.Layer, _ arrays: Workspace.Arrays,
    _ gradient: UnsafeMutablePointer<Float>
  ) throws {
    let hidden = architecture.hiddenSize, intermediate = architecture.intermediateSize
    let stream = Matrix(arrays.gradient, stride: hidden)
    try MatrixProduct.rowsByColumns(
      stream, weight(offsets.down, columns: intermediate),
      into: Matrix(arrays.activatedGradient, stride: intermediate), rows: tokens, columns: intermediate, inner: hidden)
    SwiGLU.gradient(
      layer.gateUp, cotangent: arrays.activatedGradient, into: arrays.wideGradient, output: arrays.activated,
      rows: tokens, width: intermediate)
    try MatrixProduct.addColumnsByColumns(
      stream, Matrix(arrays.activated, stride: intermediate),
      into: Matrix(gradient + offsets.down, stride: intermediate), rows: hidden, columns: intermediate, inner: tokens)
    try backwardProjection(
      Matrix(arrays.wideGradient, stride: 2 * intermediate), width: 2 * intermediate, weight: offsets.gateUp,
      norm: offsets.feedForwardNorm, input: layer.middle, inverses: layer.feedForwardInverses, tokens, arrays, gradient)
  }

  /// Carries the gradient of the residual stream back over attention.
  private func backwardAttention(
    _ batch: TokenBatch, _ layer: Activations.Layer, _ offsets: WeightLayout.Layer, _ arrays: Workspace.Arrays,
    _ gradient: UnsafeMutablePointer<Float>
  ) throws {
    let tokens = batch.inputs.count, hidden = architecture.hiddenSize, width = architecture.attentionSize
    let stream = Matrix(arrays.gradient, stride: hidden)
    try MatrixProduct.addColumnsByColumns(
      stream, Matrix(layer.attended, stride: hidden), into: Matrix(gradient + offsets.attentionOutput, stride: hidden),
      rows: hidden, columns: hidden, inner: tokens)
    try MatrixProduct.rowsByColumns(
      stream, weight(offsets.attentionOutput, columns: hidden), into: Matrix(arrays.branchGradient, stride: hidden),
      rows: tokens, columns: hidden, inner: hidden)
    arrays.wideGradient.update(repeating: 0, count: tokens * width)
    try arrays.attention.backward(
      batch.segments, layer, rotary: rotary, cotangent: arrays.branchGradient, into: arrays.wideGradient)
    try backwardProjection(
      Matrix(arrays.wideGradient, stride: width), width: width, weight: offsets.queryKeyValue,
      norm: offsets.attentionNorm, input: layer.input, inverses: layer.attentionInverses, tokens, arrays, gradient)
  }

  /// Carries the gradient of a projection of the normed stream back into the stream's gradient.
  private func backwardProjection(
    _ cotangent: Matrix, width: Int, weight offset: Int, norm: Int, input: UnsafeMutablePointer<Float>,
    inverses: UnsafeMutablePointer<Float>, _ tokens: Int, _ arrays: Workspace.Arrays,
    _ gradient: UnsafeMutablePointer<Float>
  ) throws {
    let hidden = architecture.hiddenSize
    Norm.apply(
      input, inverses: inverses, weight: weights.pointer + norm, into: arrays.norm, rows: tokens, width: hidden)
    try MatrixProduct.addColumnsByColumns(
      cotangent, Matrix(arrays.norm, stride: hidden), into: Matrix(gradient + offset, stride: hidden), rows: width,
      columns: hidden, inner: tokens)
    let branch = Matrix(arrays.branchGradient, stride: hidden)
    try MatrixProduct.rowsByColumns(
      cotangent, weight(offset, columns: hidden), into: branch, rows: tokens, columns: hidden, inner: width)
    Norm.addGradient(
      input, inverses: inverses, weight: weights.pointer + norm, cotangent: branch.start, into: arrays.gradient,
      weightGradient: gradient + norm, rows: tokens, width: hidden)
  }
}
