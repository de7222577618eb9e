import Foundation
import LossKitLogits
import Testing

@testable import Transformer

/// Adapters that PEFT wrote, with log-probabilities and gradients that it computed.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: Family.root)))
struct AdapterFixtureTests {
  private static let adapters = [
    "llama/adapter-qv", "llama/adapter-all-rslora", "llama/adapter-pattern", "qwen2/adapter-regex-layers",
    "qwen2/adapter-layer1",
  ]

  /// The pass of a model with its adapter, and what PEFT computed.
  private func pass(_ name: String, isMerged: Bool) throws -> (FixturePass, ExpectedTensors) {
    let directory = "\(Family.root)/\(name)"
    var options = TransformerOptions()
    options.lora.isMerged = isMerged
    let model = try Checkpoint(reading: directory, options: options, given: []).model
    let inputs = try ExpectedTensors("\(directory)/../expected.safetensors")
    return (try FixturePass(model, inputs: inputs), try ExpectedTensors("\(directory)/expected.safetensors"))
  }

  @Test(arguments: adapters)
  func valuesAndGradients(name: String) throws {
    let (passed, expected) = try pass(name, isMerged: false)
    let loss = zip(try #require(passed.activations.scores.first).values, passed.slopes).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(loss - (try #require(expected["loss"]).values[0])) < 1e-4)
    let worst = try passed.expectAgreement(with: expected)
    print("\(name): logits within \(worst.logit), gradients within \(worst.share) of their length")
  }

  @Test(arguments: adapters)
  func aMergedAdapterGivesTheSame(name: String) throws {
    let (passed, expected) = try pass(name, isMerged: true)
    #expect(passed.model.adapter == nil)
    let worst = passed.worstLogit(try #require(expected["merged_logits"]))
    // PEFT's own logits with and without merging differ by up to 8e-5.
    #expect(worst < 8e-5)
    print("\(name), merged: logits within \(worst)")
  }
}
