import Foundation
import LossKitHead
import LossKitJSON
import LossKitLogits
import Testing

@testable import LossKit
@testable import Transformer

/// One training step of SmolLM2-135M of all weights and of adapters, on two pairs of real dialogues: time and memory.
@Suite(.enabled(if: SmolLM2.isThere, "needs `make smollm2`"), .serialized)
struct SmolLM2AdapterTests {
  @Test(arguments: [(rank: 16, bf16: false), (16, true), (0, false), (0, true)])
  func aStep(rank: Int, bf16: Bool) throws { _ = try Self.step(rank: rank, bf16: bf16) }

  /// In a process of its own: other tests would be counted, too.
  @Test func anAdapterOfARoundedBaseTakesLessThanAGigabyte() async {
    await #expect(processExitsWith: .success) {
      let megabytes = try SmolLM2AdapterTests.step(rank: 16, bf16: true)
      #expect(megabytes < 1000)
    }
  }

  /// Makes steps, and returns by how many megabytes the process grew.
  private static func step(rank: Int, bf16: Bool) throws -> Int {
    let before = Memory.now
    var options = TransformerOptions()
    options.lora = LoRASettings(rank: rank, alpha: 32)
    options.bf16 = bf16
    let policy = try Transformer.load(path: SmolLM2.path, options: options, given: ["bf16"])
    let trained = policy.model.trainable
    let rows = try SmolLM2.rows("smollm2_hh_logps.json", "rows")
    let prompts = try rows.prefix(2).map { row in
      try EncodedPrompt(
        prompt: row.integers("prompt_ids").map(Int32.init),
        responses: ["chosen", "rejected"].map { try row.integers("\($0)_ids").map(Int32.init) }, fixedCount: 0,
        context: 1024)
    }
    let batch = TokenBatch(prompts), passes = BatchPasses(policy.model)
    let gradient = try GradientAccumulator(count: trained.count),
      optimizer = try AdamW(options.adam, count: trained.count)
    var seconds: [Double] = [], processorSeconds: [Double] = [], sums: [Double] = []
    for _ in 0..<3 {
      let start = ContinuousClock.now, processorStart = clock()
      var sum = 0.0
      try passes.forward(batch, keepingActivations: true) { _, activations in
        sum += activations.logProbabilities.reduce(0, +)
      }
      let slopes = HeadCotangent(targets: batch.targets.map { _ in -1.0 / Double(batch.targets.count) })
      try passes.backward(batch, cotangent: slopes, into: gradient)
      _ = try optimizer.step(
        policy.model, gradient: gradient.sum, update: PolicyUpdate(learningRate: 1e-4, maxGradientNorm: 1))
      gradient.forget()
      seconds.append((ContinuousClock.now - start) / .seconds(1))
      processorSeconds.append(Double(clock() - processorStart) / 1e6)
      sums.append(sum)
    }
    #expect(sums[2] > sums[0], "the log-probability rises")
    let megabytes = (Memory.now - before) / 1_000_000
    print(
      "rank \(rank), bf16 \(bf16): \(batch.inputs.count) tokens, \(batch.targets.count) scored, "
        + "\(trained.count) weights trained, seconds \(seconds), of processors \(processorSeconds), \(megabytes) MB more, log-probabilities \(sums)"
    )
    return megabytes
  }
}

/// The memory of the process.
private enum Memory {
  /// The resident bytes.
  static var now: Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * 4096
  }
}
