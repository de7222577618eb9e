import CLossKit
import LossKit
import LossKitHead
import Testing

@testable import Transformer

/// Updates, and errors that leave the weights unchanged.
struct OptimizerTests {
  @Test func anUpdateIsAdamW() throws {
    let model = try LlamaModel(TransformerOptions.small().architecture)
    Initialization.fill(model, range: 0.2, seed: 3)
    let before = (0..<model.layout.count).map { Double(model.weights.pointer[$0]) }
    let gradient = try FloatBuffer(count: model.layout.count)
    let optimizer = try AdamW(AdamW.Settings(beta1: 0.8, beta2: 0.9, epsilon: 1e-6), count: model.layout.count)
    var weights = before, mean = before.map { _ in 0.0 }, square = mean
    var correction1 = 1.0, correction2 = 1.0
    for round in 1...3 {
      let slopes = before.indices.map { Double(Float(($0 * 7 + round) % 13 - 6) / 10) }
      for index in slopes.indices { gradient.pointer[index] = Float(slopes[index]) }
      let norm = try optimizer.step(
        model, gradient: gradient, update: PolicyUpdate(learningRate: 0.01, weightDecay: 0.1, maxGradientNorm: 5))
      let expected = slopes.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(norm - expected) < 1e-9 * expected)
      correction1 *= 0.8
      correction2 *= 0.9
      for tensor in model.layout.tensors {
        let decay = tensor.role == .norm ? 0 : 0.1
        for index in tensor.offset..<tensor.offset + tensor.count {
          let slope = slopes[index] * min(1, 5 / expected)
          mean[index] = 0.8 * mean[index] + 0.2 * slope
          square[index] = 0.9 * square[index] + 0.1 * slope * slope
          let size = (square[index] / (1 - correction2)).squareRoot() + 1e-6
          weights[index] -= 0.01 * (decay * weights[index] + mean[index] / (1 - correction1) / size)
        }
      }
      #expect((0..<gradient.count).allSatisfy { gradient.pointer[$0] == 0 })
    }
    #expect(weights.indices.allSatisfy { abs(weights[$0] - Double(model.weights.pointer[$0])) < 1e-6 })
  }

  @Test func twoBatchesAccumulateToOne() throws {
    let whole = try Transformer.small(), parts = try Transformer.small()
    let pairs = Array(eightPairs.prefix(4))
    _ = try whole.logProbabilities(Texts(pairs), keeping: true)
    try whole.backward(Texts(pairs), perResponse: [1, 1, 1, 1, -1, -1, -1, -1])
    for half in [pairs.prefix(2), pairs.suffix(2)] {
      let texts = Texts(Array(half))
      _ = try parts.logProbabilities(texts, keeping: true)
      // A forward pass for values only keeps the stored activations.
      _ = try parts.logProbabilities(Texts(eightPairs))
      try parts.backward(texts, perResponse: [1, 1, -1, -1])
    }
    let update = PolicyUpdate(learningRate: 0)
    let left = try whole.step(update), right = try parts.step(update)
    #expect(abs(left - right) < 1e-5 * left)
  }

  @Test func trainingRaisesWhatItIsToldToRaise() throws {
    let policy = try Transformer.small(range: 0.05)
    let texts = Texts(Array(eightPairs.prefix(4)))
    let before = try policy.logProbabilities(texts)
    for _ in 0..<30 {
      _ = try policy.logProbabilities(texts, keeping: true)
      try policy.backward(texts, perResponse: [-1, -1, -1, -1, 0, 0, 0, 0])
      _ = try policy.step(PolicyUpdate(learningRate: 0.01, maxGradientNorm: 1))
    }
    let after = try policy.logProbabilities(texts)
    #expect((0..<4).allSatisfy { after.responses[$0] > 0.7 * before.responses[$0] })
  }

  @Test func equalSeedsTrainToEqualBits() throws {
    func train(seed: UInt64) throws -> [Double] {
      let policy = try Transformer.small(hidden: 32, intermediate: 40, seed: seed)
      for _ in 0..<4 {
        try policy.backwardOnce()
        _ = try policy.step(PolicyUpdate(learningRate: 0.01, weightDecay: 0.01, maxGradientNorm: 1))
      }
      return try policy.logProbabilities(Texts(eightPairs)).tokens
    }
    let first = try train(seed: 5)
    #expect(try train(seed: 5) == first)
    #expect(try train(seed: 6) != first)
  }

  @Test(arguments: [Double.nan, .infinity, 1e300])
  func slopesThatAreNotFiniteAddNothing(slope: Double) throws {
    let policy = try Transformer.small()
    let texts = Texts(Array(eightPairs.prefix(2)))
    _ = try policy.logProbabilities(texts, keeping: true)
    let failure = #expect(throws: Failure.self) { try policy.backward(texts, perResponse: [1, 0, 0, slope]) }
    #expect(failure?.prompt == 1 && failure?.message.contains("response 2 of prompt 2") == true)
    #expect(try policy.step(PolicyUpdate(learningRate: 0)) == 0)
  }

  @Test func aGradientThatIsNotFiniteLeavesTheWeights() throws {
    let policy = try Transformer.small()
    let texts = Texts(Array(eightPairs.prefix(2)))
    let before = try policy.logProbabilities(texts, keeping: true)
    try policy.backward(texts, perResponse: [8e37, 8e37, 8e37, 8e37])
    #expect(throws: Failure.self) { try policy.step(PolicyUpdate(learningRate: 0.1, maxGradientNorm: 1)) }
    #expect(try policy.logProbabilities(texts) == before)
    #expect(try policy.step(PolicyUpdate(learningRate: 0)) == 0, "the accumulators are cleared")
  }

  @Test func backwardNeedsTheBatchThatWasKept() throws {
    let policy = try Transformer.small()
    let texts = single("a", "b")
    #expect(throws: Failure.self) { try policy.backward(texts, perResponse: [1]) }
    _ = try policy.logProbabilities(texts, keeping: true)
    #expect(throws: Failure.self) { try policy.backward(single("a", "c"), perResponse: [1]) }
    try policy.backward(texts, perResponse: [1])
    _ = try policy.step(PolicyUpdate(learningRate: 0.1))
    #expect(throws: Failure.self) { try policy.backward(texts, perResponse: [1]) }
  }

  @Test func aCopyIsFrozenAndSharesNothing() throws {
    let policy = try Transformer.small()
    let texts = single("a", "bcd")
    let before = try policy.logProbabilities(texts)
    let copy = try policy.copy()
    try policy.backwardOnce()
    _ = try policy.step(PolicyUpdate(learningRate: 0.1))
    #expect(try copy.logProbabilities(texts) == before)
    #expect(try policy.logProbabilities(texts) != before)
    _ = try copy.logProbabilities(texts, keeping: true)
    #expect(throws: Failure.self) { try copy.backward(texts, perResponse: [1]) }
    #expect(throws: Failure.self) { try copy.step(PolicyUpdate(learningRate: 0.1)) }
  }

  @Test func blendingMovesTheWeights() throws {
    let policy = try Transformer.small(), other = try Transformer.small(seed: 8)
    let texts = single("a", "bcd")
    let own = try policy.logProbabilities(texts), target = try other.logProbabilities(texts)
    try policy.blend(with: other, weight: 0)
    #expect(try policy.logProbabilities(texts) == own)
    try policy.blend(with: other, weight: 0.5)
    #expect(try policy.logProbabilities(texts) != own)
    try policy.blend(with: other, weight: 1)
    #expect(try policy.logProbabilities(texts) == target)
    #expect(throws: Failure.self) { try policy.blend(with: .small(hidden: 8), weight: 0.5) }
    #expect(throws: Failure.self) { try policy.blend(with: other, weight: .nan) }
  }

  @Test func freshWeightsAreAsStated() throws {
    let model = try LlamaModel(Architecture(isTied: false))
    Initialization.fill(model, range: 0.02, seed: 1)
    for tensor in model.layout.tensors {
      let values = (0..<tensor.count).map { Double(model.weights.pointer[tensor.offset + $0]) }
      let deviation = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
      switch tensor.role {
      case .norm, .bias: #expect(values.allSatisfy { $0 == 1 })
      case .embedding, .projection: #expect(abs(deviation - 0.02) < 0.001, "\(tensor.name)")
      case .residualProjection: #expect(abs(deviation - 0.02 / 8.0.squareRoot()) < 0.0005, "\(tensor.name)")
      }
    }
  }

  @Test func sizesThatDoNotFitTogetherAreErrors() {
    for options in [
      TransformerOptions.small(hidden: 18), .small(hidden: 12), .small(keyValueHeads: 3),
    ] {
      #expect(throws: Failure.self) { try Transformer.create(options: options, seed: 1) }
    }
  }
}
