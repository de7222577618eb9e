import Foundation
import LossKitHead
import LossKitLogits
import Testing

@testable import LossKit
@testable import LossKitJSON
@testable import Transformer

/// Tiny checkpoints of every family, with log-probabilities and gradients that transformers computed; each is read with its configuration
/// in both forms.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: Family.root)))
struct FamilyTests {
  @Test(arguments: Family.names, ["config.json", "config_v5.json"])
  func valuesAndGradients(family: String, configuration: String) throws {
    let directory = "\(Family.root)/\(family)"
    let expected = try ExpectedTensors("\(directory)/expected.safetensors")
    let configuration = try ModelConfiguration(reading: "\(directory)/\(configuration)", into: TransformerOptions())
    let model = try LlamaModel(configuration.options.architecture)
    var files = try WeightFiles.open(in: directory)
    files.remove { $0 == "lm_head.weight" && model.architecture.isTied }
    try files.read(model.layout.tensors, into: model.weights)

    let ids = try #require(expected["input_ids"]), slopes = try #require(expected["weights"])
    let rows = ids.shape[0], length = ids.shape[1]
    let prompts = (0..<rows).map { row in
      let tokens = ids.values[row * length..<(row + 1) * length].map { Int32($0) }
      return EncodedPrompt(
        prompt: [tokens[0]], responses: [Array(tokens.dropFirst())], fixedCount: 0, context: length)
    }
    let batch = TokenBatch(prompts)
    model.prepare(positions: batch.longest)
    let activations = try Activations(model.architecture, isKept: true), workspace = try Workspace(model)
    try model.forward(batch, activations, workspace)

    let logProbabilities = try #require(expected["logprobs"]).values,
      found = try #require(activations.scores.first).values
    let places = (0..<rows).flatMap { row in (1..<length).map { row * length + $0 } }
    #expect(zip(found, places).allSatisfy { abs($0 - logProbabilities[$1]) < 3e-5 })
    let logits = try #require(expected["logits"]).values, size = model.architecture.vocabularySize
    var worst = 0.0
    for (index, place) in places.enumerated() {
      for token in 0..<size {
        worst = max(worst, abs(model.logit(token, index, activations) - logits[(place - 1) * size + token]))
      }
    }
    #expect(worst < 3e-5)

    let gradient = try FloatBuffer(count: model.layout.count)
    try model.backward(
      batch, activations, workspace, cotangent: HeadCotangent(targets: places.map { slopes.values[$0] }), into: gradient
    )
    for tensor in model.layout.tensors {
      let values = try #require(expected["grad.\(tensor.name)"]).values
      let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let distance = values.indices.reduce(0) { sum, index in
        let difference = Double(gradient.pointer[tensor.offset + index]) - values[index]
        return sum + difference * difference
      }.squareRoot()
      #expect(distance <= 1e-3 * length, "\(tensor.name): \(distance) of \(length)")
    }
  }
}

enum Family {
  static let root = "../shared/models/fixtures"
  static let names = [
    "gemma", "gemma2", "gemma3", "granite", "llama", "llama-bf16-sharded", "llama-bias-headdim-tied", "llama-fp16",
    "llama-rope-linear", "llama-rope-llama3", "mistral-window", "olmo2", "phi3", "phi3-partial-longrope", "qwen2",
    "qwen2-rope-yarn", "qwen2-window", "qwen3", "smollm3",
  ]
}
