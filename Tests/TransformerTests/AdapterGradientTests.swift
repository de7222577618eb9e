import LossKitHead
import LossKitLogits
import Testing

@testable import LossKit
@testable import Transformer

/// The gradients of an adapter's matrices, compared with central differences, in layers of several kinds.
struct AdapterGradientTests {
  private static let plain = LayerVariant()
  private static let packed = changed { $0.isPacked = true }
  private static let normedAround = changed {
    $0.normPlacement = .around
    $0.normOffset = 1
    $0.queryKeyNorm = .head
  }
  private static let normedAfter = changed {
    $0.normPlacement = .after
    $0.queryKeyNorm = .all
  }
  private static let scaled = changed {
    $0.residualScale = 0.5
    $0.hasQueryKeyValueBias = true
    $0.hasFeedForwardBias = true
  }

  private static func changed(_ change: (inout LayerVariant) -> Void) -> LayerVariant {
    var variant = LayerVariant()
    change(&variant)
    return variant
  }

  @Test(arguments: [plain, packed, normedAround, normedAfter, scaled])
  func everyTensorAgreesWithCentralDifferences(variant: LayerVariant) throws {
    var architecture = Architecture(
      vocabularySize: 259, hiddenSize: 24, intermediateSize: 20, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
      contextLength: 400)
    architecture.variant = variant
    let base = try LlamaModel(architecture)
    Fixture.fill(base)
    let model = LlamaModel(sharing: base, adapter: try .filled(for: base))
    #expect(model.trainable.tensors.count == 2 * AdapterLayout.matrices(of: base.layout).count)
    let before = (0..<base.layout.count).map { base.weights.pointer[$0] }
    var objective = try Objective(model, Texts([("Why", [" not now", "x"]), ("", ["zz"])]))
    objective.step = 2e-3
    let gradient = try FloatBuffer(count: model.trainable.count)
    try objective.backward(into: gradient)
    try objective.expectDifferences(agreeWith: gradient)
    #expect(before.indices.allSatisfy { before[$0] == base.weights.pointer[$0] })
  }

  /// The frozen matrices are in bfloat16 alone, and the gradient points where that of floats does.
  @Test func bfloat16() throws {
    func pass(isRounded: Bool) throws -> (LlamaModel, FloatBuffer, [Double]) {
      let options = TransformerOptions.small(hidden: 64, layers: 4, heads: 4, intermediate: 172, range: 0.05)
      let floats = try LlamaModel(options.architecture)
      Initialization.fill(floats, range: 0.05, seed: 5)
      let base = isRounded ? try LlamaModel(options.architecture, isRounded: true, isFrozen: true) : floats
      if isRounded, let matrices = base.roundedWeights {
        for (tensor, own) in zip(floats.layout.tensors, base.layout.tensors) {
          let source = floats.weights.pointer + tensor.offset
          guard own.isMatrix else {
            (base.weights.pointer + own.offset).update(from: source, count: own.count)
            continue
          }
          _ = MatrixProducts.rounded(
            source, stride: own.count, into: matrices + own.offset, rows: 1, columns: own.count)
        }
        #expect(base.weights.count == base.layout.count && base.layout.count < 64 * 20)
      }
      let model = LlamaModel(sharing: base, adapter: try .filled(for: base, size: 0.05))
      let objective = try Objective(model, Texts(eightPairs))
      let gradient = try FloatBuffer(count: model.trainable.count)
      try objective.backward(into: gradient)
      return (model, gradient, objective.activations.logProbabilities)
    }
    let (model, exact, values) = try pass(isRounded: false), (_, rounded, roundedValues) = try pass(isRounded: true)
    let worst = zip(values, roundedValues).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(worst > 1e-5 && worst < 0.03, "nats a token: \(worst)")
    for tensor in model.trainable.tensors {
      let (error, size) = tensor.distance(of: rounded, from: tensor.values(in: exact))
      #expect(error < 0.04 * size && error > 0, "\(tensor.name): \(error / size)")
    }
  }
}

extension Adapter {
  /// An adapter of all projections, of ranks 2 and 3, with known matrices.
  static func filled(for base: LlamaModel, size: Double = 0.2) throws -> Adapter {
    let layout = AdapterLayout(base.layout, base.architecture) { module in
      AdapterLayout.Setting(rank: module.utf8.count % 2 + 2, scale: module.hasSuffix("v_proj") ? 0.5 : 1.5)
    }
    let adapter = try Adapter(layout, isRounded: base.isRounded)
    var random = FixedNumbers(state: 5)
    for (index, value) in random.direction(count: layout.count).enumerated() {
      adapter.weights.pointer[index] = Float(value * size * Double(layout.count).squareRoot())
    }
    adapter.roundWeights()
    return adapter
  }
}
