import CLossKitRows
import LossKit
import LossKitHead

/// Forward and backward passes over batches of any size, distributed over threads by whole prompts. The distribution depends only on the
/// batch and the number of threads, and gradients are added in a fixed order.
final class BatchPasses {
  /// The approximate number of tokens a thread processes at once if no activations are kept, and the number of tokens below which another
  /// thread is not worth starting.
  private static let tokensAtOnce = 2048, fewestTokens = 256
  /// The product of tokens and weights that justifies a thread, so that a tiny model has more tokens per thread.
  private static let fewestMultiplications = 1 << 24
  /// The maximum number of floats in all threads' own gradients; a larger model leaves the threads to the matrix products.
  private static let largestGradients = 1 << 29

  /// The memory of one thread.
  private final class Worker {
    let workspace: Workspace
    let passing, kept: Activations
    /// Allocated for all workers but the first, which adds to the common gradient.
    var gradient: FloatBuffer?

    init(_ model: LlamaModel) throws {
      workspace = try Workspace(model)
      passing = try Activations(model.architecture, isKept: false)
      kept = try Activations(model.architecture, isKept: true)
    }
  }

  let model: LlamaModel
  private var workers: [Worker] = []
  /// The last batch whose activations were kept, each worker's part of it, and the references it was scored against.
  private var kept: (batch: TokenBatch, parts: [TokenBatch], references: [ReferenceStates])?

  init(_ model: LlamaModel) { self.model = model }

  /// Passes a batch through the model and calls `receive` with each part in order; the activations include its scores if requested.
  func forward(
    _ batch: TokenBatch, keepingActivations: Bool, scoring: Scoring? = Scoring(),
    _ receive: (TokenBatch, Activations) throws -> Void
  ) throws {
    model.prepare(positions: batch.longest)
    let count = try prepareWorkers(tokens: batch.inputs.count)
    if keepingActivations {
      kept = nil
      let parts = batch.split(into: count)
      try forward(parts, from: 0, scoring) { $0.kept }
      for (part, worker) in zip(parts, workers) { try receive(part, worker.kept) }
      kept = (batch, parts, scoring?.references ?? [])
    } else {
      let rounds = (batch.inputs.count + Self.tokensAtOnce * count - 1) / (Self.tokensAtOnce * count)
      let parts = batch.split(into: rounds * count)
      var position = 0
      for first in stride(from: 0, to: parts.count, by: count) {
        let round = Array(parts[first..<min(first + count, parts.count)])
        try forward(round, from: position, scoring) { $0.passing }
        for (part, worker) in zip(round, workers) { try receive(part, worker.passing) }
        position += round.reduce(0) { $0 + $1.targets.count }
      }
    }
  }

  /// Adds to `gradient` from the gradient of the batch's scores. Throws, and adds nothing, if the batch is not the one kept, or was
  /// scored with fewer references.
  func backward(_ batch: TokenBatch, cotangent: HeadCotangent, into gradient: GradientAccumulator) throws {
    guard let kept, kept.batch == batch else {
      throw Failure("transformer: backward needs a forward pass for the same batch first, with activations kept")
    }
    guard cotangent.divergences.isEmpty || cotangent.divergences.count == kept.references.count else {
      throw Failure("transformer: backward needs a forward pass with the same references first")
    }
    let starts = Self.starts(kept.parts)
    for worker in workers.dropFirst() where worker.gradient == nil {
      worker.gradient = try FloatBuffer(count: model.trainable.count)
    }
    do {
      try gradient.add {
        try Threads.run(kept.parts.count) { index in
          let worker = workers[index], part = kept.parts[index], start = starts[index]
          try model.backward(
            part, worker.kept, worker.workspace, cotangent: cotangent.part(start..<start + part.targets.count),
            references: kept.references.map { try $0.reference(from: start) },
            into: index == 0 ? gradient.sum : worker.gradient ?? gradient.sum)
        }
      }
    } catch {
      for worker in workers.dropFirst() { worker.gradient?.clear() }
      throw error
    }
    for own in workers.prefix(kept.parts.count).dropFirst().compactMap(\.gradient) {
      Threads.forEachRange(of: own.count) { range in
        let source = own.pointer + range.lowerBound
        RowKernels.best.add(gradient.sum.pointer + range.lowerBound, source, range.count)
        source.update(repeating: 0, count: range.count)
      }
    }
  }

  /// Discards the kept activations, which are invalid after a change of the weights.
  func forget() { kept = nil }

  /// Passes parts through the model; the first part begins at a scored position of the batch.
  private func forward(
    _ parts: [TokenBatch], from position: Int, _ scoring: Scoring?, _ activations: (Worker) -> Activations
  ) throws {
    let starts = Self.starts(parts)
    try Threads.run(parts.count) { index in
      try model.forward(
        parts[index], activations(workers[index]), workers[index].workspace, scoring: scoring,
        references: (scoring?.references ?? []).map { try $0.reference(from: position + starts[index]) })
    }
  }

  /// The number of scored positions before each part.
  private static func starts(_ parts: [TokenBatch]) -> [Int] {
    parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.targets.count) }
  }

  /// Returns the number of workers for a batch of `tokens` tokens, creating workers as needed.
  private func prepareWorkers(tokens: Int) throws -> Int {
    let fewestTokens = max(Self.fewestTokens, Self.fewestMultiplications / model.layout.weightCount)
    let count = max(1, min(Threads.available, Self.largestGradients / model.trainable.count, tokens / fewestTokens))
    while workers.count < count { workers.append(try Worker(model)) }
    return count
  }
}
