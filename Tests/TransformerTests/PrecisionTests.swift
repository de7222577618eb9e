import LossKit
import LossKitHead
import Testing

@testable import Transformer

/// Matrix products in bfloat16, compared with those of floats.
struct PrecisionTests {
  private static func options(bf16: Bool) -> TransformerOptions {
    var options = TransformerOptions.small(hidden: 64, layers: 4, heads: 4, intermediate: 172, range: 0.05)
    options.bf16 = bf16
    return options
  }

  /// The error bound in the option's documentation; the factors of products have 8 significant bits.
  @Test func logProbabilitiesAgreeWithThoseOfFloats() throws {
    let texts = Texts(eightPairs)
    let exact = try Transformer.create(options: Self.options(bf16: false), seed: 5).logProbabilities(texts)
    let rounded = try Transformer.create(options: Self.options(bf16: true), seed: 5).logProbabilities(texts)
    let worst = zip(exact.tokens, rounded.tokens).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(worst > 1e-5, "the option does something")
    #expect(worst < 0.02, "nats a token: \(worst)")
  }

  @Test func gradientsPointWhereThoseOfFloatsDo() throws {
    func gradient(isRounded: Bool) throws -> (LlamaModel, FloatBuffer) {
      let options = Self.options(bf16: isRounded)
      let model = try LlamaModel(options.architecture, isRounded: isRounded)
      Initialization.fill(model, range: 0.05, seed: 5)
      model.roundWeights()
      let batch = try Texts(eightPairs).tokens(context: 400)
      let activations = try Activations(model.architecture, isKept: true), workspace = try Workspace(model)
      let gradient = try FloatBuffer(count: model.layout.count)
      model.prepare(positions: batch.longest)
      try model.forward(batch, activations, workspace)
      try model.backward(
        batch, activations, workspace,
        cotangent: HeadCotangent(targets: batch.targets.indices.map { [1, -0.5, 0.75][$0 % 3] }), into: gradient)
      return (model, gradient)
    }
    let (model, exact) = try gradient(isRounded: false)
    let (_, rounded) = try gradient(isRounded: true)
    for tensor in model.layout.tensors {
      let (error, size) = tensor.distance(of: rounded, from: tensor.values(in: exact))
      #expect(error < 0.03 * size && error > 0, "\(tensor.name): \(error / size)")
    }
  }

  /// Master weights are floats: updates far below a bfloat16's last place add up.
  @Test func weightsAreTrainedAsFloats() throws {
    let texts = Texts(Array(eightPairs.prefix(2)))
    func losses(bf16: Bool) throws -> [Double] {
      let policy = try Transformer.create(options: Self.options(bf16: bf16), seed: 5)
      return try (0..<20).map { _ in
        let values = try policy.logProbabilities(texts, keeping: true).responses
        try policy.backward(texts, perResponse: [-0.01, -0.01, 0, 0])
        _ = try policy.step(PolicyUpdate(learningRate: 2e-4))
        return -(values[0] + values[1])
      }
    }
    let exact = try losses(bf16: false), rounded = try losses(bf16: true)
    #expect(exact[19] < 0.9 * exact[0])
    #expect(zip(exact, rounded).allSatisfy { abs($0 - $1) < 2e-3 * $0 }, "\(exact) \(rounded)")
  }

  /// A checkpoint stores the option, so that a run continues as it began; an explicit option overrides it.
  @Test func checkpointsKnowTheOption() throws {
    let directory = try Directory()
    let policy = try Transformer.create(options: Self.options(bf16: true), seed: 5)
    try policy.save(to: directory.path, withOptimizer: false)
    let texts = Texts(eightPairs), values = try policy.logProbabilities(texts)
    let loaded = try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
    #expect(try loaded.logProbabilities(texts) == values)
    #expect(try policy.copy().logProbabilities(texts) == values)
    let exact = try Transformer.load(path: directory.path, options: TransformerOptions(), given: ["bf16"])
    let expected = try Transformer.create(options: Self.options(bf16: false), seed: 5).logProbabilities(texts)
    #expect(try exact.logProbabilities(texts) == expected)
  }
}
