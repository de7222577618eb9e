import LossKitHead
import LossKitLogits
import Testing

@testable import Transformer

/// The fixtures of model families.
enum Family {
  static let root = "../shared/models/fixtures"
  static let names = [
    "gemma", "gemma2", "gemma3", "granite", "llama", "llama-bf16-sharded", "llama-bias-headdim-tied", "llama-fp16",
    "llama-rope-linear", "llama-rope-llama3", "mistral-window", "olmo2", "phi3", "phi3-partial-longrope", "qwen2",
    "qwen2-rope-yarn", "qwen2-window", "qwen3", "smollm3",
  ]

  /// The model of a family, with one of its configurations.
  static func model(_ name: String, configuration: String = "config.json") throws -> LlamaModel {
    let directory = "\(root)/\(name)"
    let configuration = try ModelConfiguration(reading: "\(directory)/\(configuration)", into: TransformerOptions())
    let model = try LlamaModel(configuration.options.architecture)
    var files = try WeightFiles.open(in: directory)
    files.remove { $0 == "lm_head.weight" && model.architecture.isTied }
    try files.read(model.layout.tensors, into: model.weights)
    return model
  }
}

/// The forward pass of a model over a fixture's tokens, of which all but the first of each row are scored.
struct FixturePass {
  let model: LlamaModel
  let batch: TokenBatch
  let activations: Activations
  let workspace: Workspace
  /// The places of the scored tokens among all.
  let places: [Int]
  let slopes: [Double]

  init(_ model: LlamaModel, inputs: ExpectedTensors) throws {
    self.model = model
    let ids = try #require(inputs["input_ids"]), rows = ids.shape[0], length = ids.shape[1]
    batch = TokenBatch(
      (0..<rows).map { row in
        let tokens = ids.values[row * length..<(row + 1) * length].map { Int32($0) }
        return EncodedPrompt(
          prompt: [tokens[0]], responses: [Array(tokens.dropFirst())], fixedCount: 0, context: length)
      })
    places = (0..<rows).flatMap { row in (1..<length).map { row * length + $0 } }
    let weights = try #require(inputs["weights"]).values
    slopes = places.map { weights[$0] }
    activations = try Activations(model.architecture, isKept: true)
    workspace = try Workspace(model)
    model.prepare(positions: batch.longest)
    try model.forward(batch, activations, workspace)
  }

  /// The largest difference of a logit.
  func worstLogit(_ logits: ExpectedTensors.Tensor) -> Double {
    let size = model.architecture.vocabularySize
    return places.enumerated().reduce(0) { worst, place in
      (0..<size).reduce(worst) { worst, token in
        max(
          worst,
          abs(model.logit(token, place.offset, activations) - logits.values[(place.element - 1) * size + token]))
      }
    }
  }

  /// Expects logits and log-probabilities within 3e-5, and the gradient of each tensor that is trained within 1e-3 of its length. Returns
  /// the largest difference of a logit, and the largest share of a gradient's length.
  @discardableResult
  func expectAgreement(with expected: ExpectedTensors) throws -> (logit: Double, share: Double) {
    let worst = worstLogit(try #require(expected["logits"]))
    #expect(worst < 3e-5)
    let found = try #require(activations.scores.first).values
    let logProbabilities = try #require(expected["logprobs"]).values
    #expect(zip(found, places).allSatisfy { abs($0 - logProbabilities[$1]) < 3e-5 })
    let gradient = try FloatBuffer(count: model.trainable.count)
    try model.backward(batch, activations, workspace, cotangent: HeadCotangent(targets: slopes), into: gradient)
    var worstShare = 0.0
    for tensor in model.trainable.tensors {
      let values = try #require(expected["grad.\(tensor.name)"]).values
      let (distance, length) = tensor.distance(of: gradient, from: values)
      worstShare = max(worstShare, distance / length)
      #expect(distance <= 1e-3 * length, "\(tensor.name): \(distance) of \(length)")
    }
    return (worst, worstShare)
  }
}
