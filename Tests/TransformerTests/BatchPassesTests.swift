import LossKit
import LossKitHead
import Testing

@testable import Transformer

/// Spreading a batch over threads.
struct BatchPassesTests {
  /// 48 pairs, about 1,900 tokens: enough for several threads.
  private static let pairs = (0..<48).map { index in
    let pair = eightPairs[index % 8]
    return (prompt: "\(index) " + pair.prompt, responses: pair.responses)
  }

  @Test func gradientsAreThoseOfOneThread() throws {
    let model = try model()
    let batch = try Texts(Self.pairs).tokens(context: 400)
    #expect(batch.inputs.count > 1900)
    let (logProbabilities, gradient) = try passes(model, batch)
    let activations = try Activations(model.architecture, isKept: true), workspace = try Workspace(model)
    let expected = try FloatBuffer(count: model.layout.count)
    try model.forward(batch, activations, workspace)
    try model.backward(
      batch, activations, workspace, cotangent: HeadCotangent(targets: slopes(batch)), into: expected)
    for (index, value) in logProbabilities.enumerated() {
      #expect(abs(value - activations.logProbabilities[index]) < 2e-6 * max(1, abs(value)))
    }
    for tensor in model.layout.tensors {
      let range = tensor.offset..<tensor.offset + tensor.count
      let length = range.reduce(Float(0)) { $0 + expected.pointer[$1] * expected.pointer[$1] }.squareRoot()
      #expect(range.allSatisfy { abs(gradient[$0] - expected.pointer[$0]) < 1e-5 * length }, "\(tensor.name)")
    }
  }

  @Test func twoRunsGiveEqualBits() throws {
    let model = try model()
    let batch = try Texts(Self.pairs).tokens(context: 400)
    let first = try passes(model, batch), second = try passes(model, batch)
    #expect(first.logProbabilities == second.logProbabilities)
    #expect(first.gradient == second.gradient)
  }

  @Test func valuesAloneAreThoseThatAreKept() throws {
    let model = try model()
    let rows = (0..<400).map { Self.pairs[$0 % 48] }
    let batch = try Texts(rows).tokens(context: 400)
    #expect(batch.inputs.count > 4 * 2048, "several rounds")
    let passes = BatchPasses(model)
    let runs = try [true, false].map { keeping in
      var values: [Double] = []
      try passes.forward(batch, keepingActivations: keeping) { part, activations in
        values += activations.logProbabilities
        #expect(activations.logProbabilities.count == part.targets.count)
      }
      return values
    }
    #expect(runs[0].count == batch.targets.count && runs[1].count == batch.targets.count)
    #expect(zip(runs[0], runs[1]).allSatisfy { abs($0 - $1) < 2e-6 * max(1, abs($0)) })
  }

  @Test func splittingKeepsAllSequencesInOrder() throws {
    let batch = try Texts(Self.pairs).tokens(context: 400)
    for count in [1, 2, 3, 7, 1000] {
      let parts = batch.split(into: count)
      #expect(parts.count <= count && parts.allSatisfy { !$0.rows.isEmpty })
      #expect(parts.flatMap(\.inputs) == batch.inputs)
      #expect(parts.flatMap(\.rows) == batch.rows)
      if count < 8 { #expect(parts.allSatisfy { abs($0.inputs.count - batch.inputs.count / count) < 100 }) }
    }
    #expect(try Texts([]).tokens(context: 9).split(into: 3).isEmpty)
  }

  @Test func eachThreadRunsOnceAndTheFirstFailureIsThrown() throws {
    let counts = try FloatBuffer(count: 5)
    Threads.run(5) { counts.pointer[$0] += 1 }
    #expect((0..<5).allSatisfy { counts.pointer[$0] == 1 })
    let failure = #expect(throws: Failure.self) {
      try Threads.run(4) { if $0 > 1 { throw Failure("\($0)") } }
    }
    #expect(failure?.message == "2")
  }

  @Test(arguments: [0, 1, 2]) func aBackwardThatFailsInOneThreadAddsNothing(thread: Int) throws {
    let model = try model()
    let batch = try Texts(Self.pairs).tokens(context: 400)
    try MatrixProducts.withThreads(3) {
      let passes = BatchPasses(model)
      try passes.forward(batch, keepingActivations: true) { _, _ in }
      func backward(_ slopes: [Double], into gradient: GradientAccumulator) throws {
        try passes.backward(batch, cotangent: HeadCotangent(targets: slopes), into: gradient)
      }
      let slopes = slopes(batch)
      var broken = slopes
      broken[[0, slopes.count / 2, slopes.count - 1][thread]] = .nan
      let gradient = try GradientAccumulator(count: model.layout.count)
      #expect(throws: Failure.self) { try backward(broken, into: gradient) }
      #expect(content(of: gradient).allSatisfy { $0 == 0 })
      try backward(slopes, into: gradient)
      let once = content(of: gradient)
      #expect(once == (try self.passes(model, batch).gradient))
      #expect(throws: Failure.self) { try backward(broken, into: gradient) }
      #expect(content(of: gradient) == once)
      // The results of the other threads are discarded, too.
      try backward(slopes, into: gradient)
      #expect(zip(content(of: gradient), once).allSatisfy { abs($0 - 2 * $1) <= 1e-4 * max(1, abs($1)) })
    }
  }

  private func content(of gradient: GradientAccumulator) -> [Float] {
    (0..<gradient.sum.count).map { gradient.sum.pointer[$0] }
  }

  private func model() throws -> LlamaModel {
    let model = try LlamaModel(TransformerOptions.small().architecture)
    Initialization.fill(model, range: 0.2, seed: 4)
    model.prepare(positions: 400)
    return model
  }

  private func slopes(_ batch: TokenBatch) -> [Double] { batch.targets.indices.map { [1, -0.5, 0.25][$0 % 3] } }

  private func passes(_ model: LlamaModel, _ batch: TokenBatch) throws -> (
    logProbabilities: [Double], gradient: [Float]
  ) {
    let passes = BatchPasses(model)
    var values: [Double] = []
    try passes.forward(batch, keepingActivations: true) { part, activations in
      values += activations.logProbabilities
      #expect(activations.logProbabilities.count == part.targets.count)
    }
    let gradient = try GradientAccumulator(count: model.layout.count)
    try passes.backward(batch, cotangent: HeadCotangent(targets: slopes(batch)), into: gradient)
    return (values, content(of: gradient))
  }
}
