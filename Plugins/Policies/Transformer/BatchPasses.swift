import LossKit

/// Forward and backward passes over batches of any size, spread over threads by whole sequences. Which thread gets what
/// depends on the batch and the number of threads alone, and gradients are added in a fixed order.
final class BatchPasses {
  /// About how many tokens a thread works on at once where nothing is kept, and below how many it is not worth its start.
  private static let tokensAtOnce = 2048, fewestTokens = 256
  /// Floats that the threads' own gradients may take together; a larger model leaves the threads to the matrix products.
  private static let largestGradients = 1 << 29

  /// What one thread works with.
  private final class Worker {
    let workspace: Workspace
    let passing, kept: Activations
    /// Made for the workers after the first, which has the common one.
    var gradient: FloatBuffer?

    init(_ architecture: Architecture) throws {
      workspace = try Workspace(architecture)
      passing = try Activations(architecture, isKept: false)
      kept = try Activations(architecture, isKept: true)
    }
  }

  private let model: LlamaModel
  private var workers: [Worker] = []
  /// The last batch whose activations were kept, and each worker's part of it.
  private var kept: (batch: TokenBatch, parts: [TokenBatch])?

  init(_ model: LlamaModel) { self.model = model }

  /// Passes a batch through the model and hands each part with its log-probabilities to `receive`, part after part.
  func forward(
    _ batch: TokenBatch, keepingActivations: Bool, _ receive: (TokenBatch, Activations) throws -> Void
  ) throws {
    model.prepare(positions: batch.longest)
    let count = try prepareWorkers(tokens: batch.inputs.count)
    if keepingActivations {
      kept = nil
      let parts = batch.split(into: count)
      try forward(parts) { $0.kept }
      for (part, worker) in zip(parts, workers) { try receive(part, worker.kept) }
      kept = (batch, parts)
    } else {
      let rounds = (batch.inputs.count + Self.tokensAtOnce * count - 1) / (Self.tokensAtOnce * count)
      let parts = batch.split(into: rounds * count)
      for first in stride(from: 0, to: parts.count, by: count) {
        let round = Array(parts[first..<min(first + count, parts.count)])
        try forward(round) { $0.passing }
        for (part, worker) in zip(round, workers) { try receive(part, worker.passing) }
      }
    }
  }

  /// Adds to `gradient` from the gradient of the log-probabilities of the batch's targets, and of divergences there. Throws for a batch other than the
  /// one that was kept.
  func backward(
    _ batch: TokenBatch, cotangent: [Float], divergences: [DivergenceCotangent] = [], into gradient: FloatBuffer
  ) throws {
    guard let kept, kept.batch == batch else {
      throw Failure("transformer: backward needs a forward pass for the same batch first, with activations kept")
    }
    var slices: [ArraySlice<Float>] = []
    for part in kept.parts {
      let start = slices.last?.endIndex ?? 0
      slices.append(cotangent[start..<start + part.targets.count])
    }
    for worker in workers.dropFirst() where worker.gradient == nil {
      worker.gradient = try FloatBuffer(count: model.layout.count)
    }
    try Threads.run(kept.parts.count) { index in
      let worker = workers[index]
      try model.backward(
        kept.parts[index], worker.kept, worker.workspace,
        cotangent: HeadCotangent(targets: slices[index], divergences: divergences),
        into: index == 0 ? gradient : worker.gradient ?? gradient)
    }
    for worker in workers.dropFirst() {
      guard let own = worker.gradient else { continue }
      try Threads.forEachRange(of: gradient.count) { range in
        for index in range {
          gradient.pointer[index] += own.pointer[index]
          own.pointer[index] = 0
        }
      }
    }
  }

  /// What was kept is no longer valid: the weights have changed.
  func forget() { kept = nil }

  private func forward(_ parts: [TokenBatch], _ activations: (Worker) -> Activations) throws {
    try Threads.run(parts.count) { index in
      try model.forward(parts[index], activations(workers[index]), workers[index].workspace)
    }
  }

  /// How many workers share a batch of that many tokens; there are as many afterwards.
  private func prepareWorkers(tokens: Int) throws -> Int {
    let count = max(
      1, min(Threads.available, Self.largestGradients / model.layout.count, tokens / Self.fewestTokens))
    while workers.count < count { workers.append(try Worker(model.architecture)) }
    return count
  }
}
