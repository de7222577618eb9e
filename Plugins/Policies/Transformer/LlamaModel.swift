import LossKit

/// A decoder-only Llama: its weights, and the log-probabilities it gives to the tokens of a batch.
final class LlamaModel {
  let architecture: Architecture
  let layout: WeightLayout
  /// All weights, as `layout` places them.
  let weights: FloatBuffer
  private(set) var rotary: Rotary

  /// A model whose weights are 0.
  init(_ architecture: Architecture) throws {
    try architecture.validate()
    self.architecture = architecture
    layout = WeightLayout(architecture)
    weights = try FloatBuffer(count: layout.count)
    rotary = Rotary(headSize: architecture.headSize, theta: architecture.ropeTheta)
  }

  /// Must come before `forward` for sequences of up to that many positions; the passes themselves change nothing here, so
  /// that several threads may run them at once.
  func prepare(positions: Int) { rotary.prepare(positions: positions) }

  /// Fills `activations` from a batch; the log-probabilities of its targets, in nats, are among them.
  func forward(_ batch: TokenBatch, _ activations: Activations, _ workspace: Workspace) throws {
    guard !batch.inputs.isEmpty else { return }
    try activations.prepare(tokens: batch.inputs.count, scored: batch.targets.count)
    let arrays = try workspace.arrays(for: batch, isBackward: false)
    embed(batch, into: activations.layers.first?.input ?? activations.output)
    for index in activations.layers.indices {
      let isLast = index == activations.layers.count - 1
      try forward(
        batch, layer: activations.layers[index], at: layout.layers[index], arrays,
        into: isLast ? activations.output : activations.layers[index + 1].input)
    }
    try score(batch, activations, arrays)
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
    into output: UnsafeMutablePointer<Float>
  ) throws {
    let tokens = batch.inputs.count, hidden = architecture.hiddenSize, intermediate = architecture.intermediateSize
    let norm = Matrix(arrays.norm, stride: hidden)
    normalize(layer.input, layer.attentionInverses, weight: offsets.attentionNorm, into: arrays.norm, rows: tokens)
    try MatrixProduct.rowsByRows(
      norm, weight(offsets.queryKeyValue, columns: hidden),
      into: Matrix(layer.queryKeyValue, stride: architecture.attentionSize), rows: tokens,
      columns: architecture.attentionSize, inner: hidden)
    try arrays.attention.forward(batch.segments, layer, rotary: rotary)
    layer.middle.update(from: layer.input, count: tokens * hidden)
    try MatrixProduct.rowsByRows(
      Matrix(layer.attended, stride: hidden), weight(offsets.attentionOutput, columns: hidden),
      into: Matrix(layer.middle, stride: hidden), rows: tokens, columns: hidden, inner: hidden, adding: true)
    normalize(layer.middle, layer.feedForwardInverses, weight: offsets.feedForwardNorm, into: arrays.norm, rows: tokens)
    try MatrixProduct.rowsByRows(
      norm, weight(offsets.gateUp, columns: hidden), into: Matrix(layer.gateUp, stride: 2 * intermediate),
      rows: tokens, columns: 2 * intermediate, inner: hidden)
    SwiGLU.apply(layer.gateUp, into: arrays.activated, rows: tokens, width: intermediate)
    output.update(from: layer.middle, count: tokens * hidden)
    try MatrixProduct.rowsByRows(
      Matrix(arrays.activated, stride: intermediate), weight(offsets.down, columns: intermediate),
      into: Matrix(output, stride: hidden), rows: tokens, columns: hidden, inner: intermediate, adding: true)
  }

  private func score(_ batch: TokenBatch, _ activations: Activations, _ arrays: Workspace.Arrays) throws {
    let hidden = architecture.hiddenSize
    for (scored, row) in batch.scoredRows.enumerated() {
      (activations.scored + scored * hidden).update(from: activations.output + row * hidden, count: hidden)
    }
    normalize(
      activations.scored, activations.scoredInverses, weight: layout.finalNorm, into: activations.scoredNorm,
      rows: batch.targets.count)
    try head(arrays).forward(
      activations.scoredNorm, targets: batch.targets, into: activations.logProbabilities,
      logSumExp: activations.scoredLogSumExp)
  }

  private func normalize(
    _ input: UnsafeMutablePointer<Float>, _ inverses: UnsafeMutablePointer<Float>, weight: Int,
    into output: UnsafeMutablePointer<Float>, rows: Int
  ) {
    Norm.inverses(
      input, into: inverses, rows: rows, width: architecture.hiddenSize, epsilon: Float(architecture.normEpsilon))
    Norm.apply(
      input, inverses: inverses, weight: weights.pointer + weight, into: output, rows: rows,
      width: architecture.hiddenSize)
  }
}

extension LlamaModel {
  /// A weight matrix with rows of `columns` floats.
  func weight(_ offset: Int, columns: Int) -> Matrix { Matrix(weights.pointer + offset, stride: columns) }

  /// The output head, with `arrays` as its memory.
  func head(_ arrays: Workspace.Arrays) -> OutputHead {
    OutputHead(
      hiddenSize: architecture.hiddenSize, vocabularySize: architecture.vocabularySize,
      weight: weights.pointer + layout.head, logits: arrays.logits)
  }

  /// The output head, with memory of its own, so that it can be used beside the passes.
  func separateHead() throws -> OutputHead {
    let memory = try FloatBuffer(count: OutputHead.workspaceSize(vocabularySize: architecture.vocabularySize))
    return OutputHead(
      hiddenSize: architecture.hiddenSize, vocabularySize: architecture.vocabularySize,
      weight: weights.pointer + layout.head, logits: memory.pointer,
      memory: memory)
  }
}
