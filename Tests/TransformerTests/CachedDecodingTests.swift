import Foundation
import LossKitHead
import Testing

@testable import LossKit
@testable import LossKitJSON
@testable import Transformer

/// Logits token by token with a cache, in every family, against those that transformers computed without.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: Family.root)))
struct CachedDecodingTests {
  @Test(arguments: Family.names)
  func logitsOfTransformers(family: String) throws {
    let expected = try ExpectedTensors("\(Family.root)/\(family)/expected.safetensors")
    let model = try Family.model(family)
    let ids = try #require(expected["input_ids"]), logits = try #require(expected["logits"]).values
    let length = ids.shape[1], size = model.architecture.vocabularySize
    model.prepare(positions: length)

    // Prompts of different lengths; the first has two responses.
    let texts = (0..<ids.shape[0]).map { row in ids.values[row * length..<(row + 1) * length].map { Int32($0) } }
    let promptLengths = [5, 2]
    let steps = try SamplingSteps(model, SamplingFilters())
    let prompts = try texts.enumerated().map { index, text in
      try PendingPrompt(
        index, Array(text.prefix(promptLengths[index])), cache: KeyValueCache(model.architecture), vocabularySize: size)
    }
    try steps.prefill(prompts)
    func difference(_ found: UnsafePointer<Float>, _ row: Int, _ position: Int) -> Double {
      (0..<size).reduce(0) { max($0, abs(Double(found[$1]) - logits[(row * length + position) * size + $1])) }
    }
    for prompt in prompts {
      #expect(difference(prompt.logits.pointer, prompt.index, prompt.tokens.count - 1) < 3e-5)
    }
    let responses = try [prompts[0], prompts[0], prompts[1]].map {
      try GrowingResponse($0, model.architecture, SampleSeed(0, prompt: 0, number: 0), isRemembering: false)
    }
    for step in 0..<length - 5 {
      for response in responses {
        let text = texts[response.prompt.index]
        response.append(text[response.prompt.tokens.count + step], logProbability: 0)
      }
      for (response, found) in zip(responses, try steps.decode(responses)) {
        let position = response.prompt.tokens.count + step
        #expect(difference(found, response.prompt.index, position) < 3e-5, "position \(position)")
      }
    }
  }
}
