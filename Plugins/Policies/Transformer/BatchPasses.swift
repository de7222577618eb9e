import CLossKitRows
import LossKit
import LossKitHead

/// Forward and backward passes over batches of any size, spread over threads by whole sequences. Which thread gets what
/// depends on the batch and the number of threads alone, and gradients are added in a fixed order.
final class BatchPasses {
  /// About how many tokens a thread works on at once where nothing is kept, and below how many it is not worth its start.
  private static let tokensAtOnce = 2048, fewestTokens = 256
  /// Tokens times weights that are worth a thread, so that a tiny model has more tokens in each.
  private static let fewestMultiplications = 1 << 24
  /// Floats that the threads' own gradients may take together; a larger model leaves the threads to the matrix products.
  private static let largestGradients = 1 << 29

  /// What one thread works with.
  private final class Worker {
    let workspace: Workspace
    let passing, kept: Activations
    /// Made for the workers after the first, which has the common one.
    var gradient: FloatBuffer?

    init(_ model: LlamaModel) throws {
      workspace = try Workspace(model)
      passing = try Activations(model.architecture, isKept: false)
      kept = try Activations(model.architecture, isKept: true)
    }
  }

  let model: LlamaModel
  private var workers: [Worker] = []
  /// The last batch whose activations were kept, each worker's part of it, and what it was compared with.
  private var kept: (batch: TokenBatch, parts: [TokenBatch], references: [ReferenceStates])?

  init(_ model: LlamaModel) { self.model = model }

  /// Passes a batch through the model and hands each part with its scores, where there are to be some, to `receive`, part after
  /// part.
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

  /// Adds to `gradient` from the gradient of the batch's scores. Throws for a batch other than the one that was kept, or one
  /// that was compared with fewer references; nothing is added then.
  func backward(_ batch: TokenBatch, cotangent: HeadCotangent, into gradient: GradientAccumulator) throws {
    guard let kept, kept.batch == batch else {
      throw Failure("transformer: backward needs a forward pass for the same batch first, with activations kept")
    }
    guard cotangent.divergences.isEmpty || cotangent.divergences.count == kept.references.count else {
      throw Failure("transformer: backward needs a forward pass with the same references first")
    }
    let starts = Self.starts(kept.parts)
    for worker in workers.dropFirst() where worker.gradient == nil {
      worker.gradient = try FloatBuffer(count: model.layout.count)
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

  /// What was kept is no longer valid: the weights have changed.
  func forget() { kept = nil }

  /// Passes parts that begin at a scored position of the batch.
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

  /// The scored positions before each part.
  private static func starts(_ parts: [TokenBatch]) -> [Int] {
    parts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.targets.count) }
  }

  /// How many workers share a batch of that many tokens; there are as many afterwards.
  private func prepareWorkers(tokens: Int) throws -> Int {
    let fewestTokens = max(Self.fewestTokens, Self.fewestMultiplications / model.layout.count)
    let count = max(1, min(Threads.available, Self.largestGradients / model.layout.count, tokens / fewestTokens))
    while workers.count < count { workers.append(try Worker(model)) }
    return count
  }
}
