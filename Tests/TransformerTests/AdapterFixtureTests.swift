import Foundation
import LossKitHead
import LossKitLogits
import Testing

@testable import LossKit
@testable import Transformer

/// Adapters that PEFT wrote, with log-probabilities and gradients that it computed.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: Family.root)))
struct AdapterFixtureTests {
  private static let adapters = [
    "llama/adapter-qv", "llama/adapter-all-rslora", "llama/adapter-pattern", "qwen2/adapter-regex-layers",
    "qwen2/adapter-layer1",
  ]

  /// The model with its adapter, and a batch whose forward pass was made.
  private struct Passed {
    let model: LlamaModel
    let batch: TokenBatch
    let activations: Activations
    let workspace: Workspace
    /// The places of the scored tokens among all.
    let places: [Int]
    let slopes: [Double]

    init(_ name: String, isMerged: Bool) throws {
      let directory = "\(Family.root)/\(name)"
      let inputs = try ExpectedTensors("\(directory)/../expected.safetensors")
      var options = TransformerOptions()
      options.lora.isMerged = isMerged
      model = try Checkpoint(reading: directory, options: options, given: []).model
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
  }

  @Test(arguments: adapters)
  func valuesAndGradients(name: String) throws {
    let expected = try ExpectedTensors("\(Family.root)/\(name)/expected.safetensors")
    let passed = try Passed(name, isMerged: false), model = passed.model
    let worst = passed.worstLogit(try #require(expected["logits"]))
    #expect(worst < 3e-5)
    let found = try #require(passed.activations.scores.first).values
    let logProbabilities = try #require(expected["logprobs"]).values
    #expect(zip(found, passed.places).allSatisfy { abs($0 - logProbabilities[$1]) < 3e-5 })
    let loss = zip(found, passed.slopes).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(loss - (try #require(expected["loss"]).values[0])) < 1e-4)

    let gradient = try FloatBuffer(count: model.trainable.count)
    try model.backward(
      passed.batch, passed.activations, passed.workspace, cotangent: HeadCotangent(targets: passed.slopes),
      into: gradient)
    var worstShare = 0.0
    for tensor in model.trainable.tensors {
      let values = try #require(expected["grad.\(tensor.name)"]).values
      let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let distance = values.indices.reduce(0) { sum, index in
        let difference = Double(gradient.pointer[tensor.offset + index]) - values[index]
        return sum + difference * difference
      }.squareRoot()
      worstShare = max(worstShare, distance / length)
      #expect(distance <= 1e-3 * length, "\(tensor.name): \(distance) of \(length)")
    }
    print("\(name): logits within \(worst), gradients within \(worstShare) of their length")
  }

  @Test(arguments: adapters)
  func aMergedAdapterGivesTheSame(name: String) throws {
    let expected = try ExpectedTensors("\(Family.root)/\(name)/expected.safetensors")
    let passed = try Passed(name, isMerged: true)
    #expect(passed.model.adapter == nil)
    let worst = passed.worstLogit(try #require(expected["merged_logits"]))
    // PEFT's own logits with and without merging differ by up to 8e-5.
    #expect(worst < 8e-5)
    print("\(name), merged: logits within \(worst)")
  }
}
