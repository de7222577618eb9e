import LossKitHead
import Testing

@testable import LossKit
@testable import Transformer

/// The backward pass, compared with central differences, tensor by tensor.
struct GradientTests {
  /// Query heads per key head, and whether the head is tied. The long sequence spans three tiles of attention.
  @Test(arguments: [(heads: 4, keyValueHeads: 2, tied: false), (4, 1, true), (2, 2, true), (4, 4, false)])
  func everyTensorAgreesWithCentralDifferences(heads: Int, keyValueHeads: Int, tied: Bool) throws {
    let policy = try LlamaModel(
      Architecture(
        vocabularySize: tied ? 259 : 283, hiddenSize: 24, intermediateSize: 20, layerCount: 2, headCount: heads,
        keyValueHeadCount: keyValueHeads,
        contextLength: 400, isTied: tied))
    Fixture.fill(policy)
    let long = String(repeating: "ends, never begins; ", count: 8)
    let texts = Texts([("Why", [" not now", "x"]), (long, [" Ok."]), ("", ["zz"])])
    let objective = try Objective(policy, texts)
    let gradient = try FloatBuffer(count: policy.layout.count)
    try objective.backward(into: gradient)
    try objective.expectDifferences(agreeWith: gradient)
  }

  @Test func gradientsPerResponseAndPerTokenAddUp() throws {
    let texts = Texts(Array(eightPairs.prefix(2)))
    let policy = try Transformer.small()
    let values = try policy.logProbabilities(texts, keeping: true)
    let perResponse = [0.5, -1, 2, 0.25], perToken = values.tokens.indices.map { Double($0 % 7) / 8 - 0.25 }
    try policy.backward(texts, perResponse: perResponse, perToken: perToken)
    let both = try policy.step(PolicyUpdate(learningRate: 0))
    var combined = perToken
    for row in perResponse.indices {
      for index in values.offsets[row]..<values.offsets[row + 1] { combined[index] += perResponse[row] }
    }
    _ = try policy.logProbabilities(texts, keeping: true)
    try policy.backward(texts, perResponse: nil, perToken: combined)
    #expect(try policy.step(PolicyUpdate(learningRate: 0)) == both)
    #expect(both > 0)
  }
}

/// Σ slope · log-probability over the scored tokens of a batch, with slopes of both signs.
struct Objective {
  let model: LlamaModel
  let batch: TokenBatch
  let slopes: [Double]
  let activations: Activations
  let workspace: Workspace
  /// The length of a step of the differences.
  var step = 5e-3

  init(_ model: LlamaModel, _ texts: Texts) throws {
    try self.init(model, texts.tokens(context: model.architecture.contextLength))
  }

  init(_ model: LlamaModel, _ batch: TokenBatch) throws {
    self.model = model
    self.batch = batch
    slopes = batch.targets.indices.map { [1, -0.5, 0.75, -1.25][$0 % 4] }
    activations = try Activations(model.architecture, isKept: true)
    workspace = try Workspace(model)
    model.prepare(positions: batch.longest)
  }

  func backward(into gradient: FloatBuffer) throws {
    try model.forward(batch, activations, workspace)
    try model.backward(batch, activations, workspace, cotangent: HeadCotangent(targets: slopes), into: gradient)
  }

  private func value() throws -> Double {
    try model.forward(batch, activations, workspace)
    return zip(slopes, activations.logProbabilities).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The derivative along a direction, of fourth order in the step; with steps that float32 represents exactly.
  func difference(_ tensor: WeightTensor, _ direction: [Double]) throws -> Double {
    let weights = model.trainable.weights.pointer + tensor.offset
    let saved = (0..<tensor.count).map { weights[$0] }
    let size = step
    func moved(_ steps: Double) throws -> Double {
      for index in saved.indices { weights[index] = Float(Double(saved[index]) + steps * size * direction[index]) }
      return try value()
    }
    let near = try moved(1) - moved(-1), far = try moved(2) - moved(-2)
    for index in saved.indices { weights[index] = saved[index] }
    return (8 * near - far) / (12 * size)
  }
}

/// Numbers that are equal in each run.
struct FixedNumbers {
  var state: UInt64

  mutating func direction(count: Int) -> [Double] {
    let values = (0..<count).map { _ -> Double in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 33) / Double(1 << 30) - 1
    }
    let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return values.map { $0 / length }
  }
}
