import CLossKitRows
import LossKitHead
import LossKitLogits

extension LlamaModel {
  /// The output head, which uses as many threads as the calling thread may.
  func head() throws -> LinearHead {
    let rounded = roundedWeights.map { UnsafePointer($0 + layout.head) }
    var head: LinearHead
    if layout.separatesMatrices, let rounded {
      head = try LinearHead(
        rounded: rounded, vocabularySize: architecture.vocabularySize, hiddenSize: architecture.hiddenSize)
    } else {
      head = try LinearHead(
        weight: weights.pointer + layout.head, vocabularySize: architecture.vocabularySize,
        hiddenSize: architecture.hiddenSize)
      head.roundedWeight = rounded
    }
    head.threads = Threads.available
    head.logitCap = architecture.variant.logitCap
    return head
  }

  /// Applies the final norm and the softmax to the scored positions; with `references`, also computes the divergence from each.
  func score(
    _ batch: TokenBatch, _ activations: Activations, _ workspace: Workspace, _ scoring: Scoring,
    references: [LinearHead.Reference]
  ) throws {
    let labels = try TokenLabels(batch.targets), head = try head()
    let compared: [LinearHead.Reference?] = references.isEmpty ? [nil] : references
    for (index, reference) in compared.enumerated() {
      activations.scores.append(
        try head.score(
          activations.scoredNorm, labels: labels, adding: index == 0 ? scoring.extras : [], reference: reference,
          memory: workspace.headMemory))
    }
  }

  /// Writes the logits of the scored positions, [rows, vocabulary].
  func writeLogits(
    _ activations: Activations, _ workspace: Workspace, rows: Int, into logits: UnsafeMutablePointer<Float>
  ) throws {
    let hidden = architecture.hiddenSize, size = architecture.vocabularySize
    // The streams are no longer needed, and are as large.
    let states = operand(of: activations.scoredNorm, columns: hidden, rows: rows, roundedInto: activations.scored)
    try workspace.products.run(
      states, weight(layout.head, columns: hidden).transposed, into: Matrix(logits, stride: size), rows: rows,
      columns: size, inner: hidden)
    if let cap = architecture.variant.logitCap { RowKernels.best.cap(logits, cap, rows * size) }
  }

  /// Writes the gradient of the normed hidden states of the scored positions, and adds the gradient of the head's weights,
  /// unless it is nil.
  func backwardHead(
    _ activations: Activations, _ workspace: Workspace, _ cotangent: HeadCotangent,
    references: [LinearHead.Reference], into gradient: UnsafeMutablePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>?
  ) throws {
    let head = try head()
    gradient.update(repeating: 0, count: cotangent.targets.count * architecture.hiddenSize)
    for (index, scores) in activations.scores.enumerated() {
      let divergences = cotangent.divergences.isEmpty ? [] : cotangent.divergences[index]
      try head.addGradients(
        of: scores, from: LogProbabilityCotangent(index == 0 ? cotangent.targets : [], divergences: divergences),
        hidden: activations.scoredNorm, reference: references.isEmpty ? nil : references[index], toHidden: gradient,
        toWeight: weightGradient, memory: workspace.headMemory)
    }
  }
}
