import Foundation
import LossKitHead
import LossKitLogits
import Testing

@testable import LossKit
@testable import LossKitJSON
@testable import Transformer

/// The real SmolLM2-135M-Instruct, which `make smollm2` makes, against values of transformers.
@Suite(.enabled(if: SmolLM2.isThere, "needs `make smollm2`"), .serialized)
struct SmolLM2Tests {
  @Test func logProbabilitiesOfRealDialogues() throws {
    let rows = try SmolLM2.rows("smollm2_hh_logps.json", "rows")
    let model = try SmolLM2.load()
    let passes = BatchPasses(model.model)
    // Every eighth, by default.
    let step = ProcessInfo.processInfo.environment["LOSSKIT_ALL_ROWS"] == nil ? 8 : 1
    var worst = 0.0
    for row in stride(from: 0, to: rows.count, by: step).map({ rows[$0] }) {
      let responses = try ["chosen", "rejected"].map { try row.integers("\($0)_ids").map(Int32.init) }
      let prompt = try EncodedPrompt(
        prompt: row.integers("prompt_ids").map(Int32.init), responses: responses, fixedCount: 0, context: 1024)
      let batch = TokenBatch([prompt])
      try passes.forward(batch, keepingActivations: false) { part, activations in
        let values = try #require(activations.scores.first).values
        for (index, name) in ["chosen", "rejected"].enumerated() {
          let sum = values[part.scoredStarts[index]..<part.scoredStarts[index + 1]].reduce(0, +)
          worst = max(worst, abs(sum - (try #require(row["\(name)_logp"]?.double))))
        }
      }
    }
    #expect(worst < 2e-3)
    print("largest difference of a sum of log-probabilities: \(worst)")
  }

  /// Compared with the recorded prefix step by step; another choice is a fault only if the recorded gap of the logits is large.
  @Test func greedyContinuations() throws {
    let model = try SmolLM2.load().model, size = model.architecture.vocabularySize
    model.prepare(positions: 256)
    let steps = try SamplingSteps(model, SamplingFilters(temperature: 0))
    let rows = try SmolLM2.rows("greedy_smollm2.json", "rows")
    let prompts = try rows.enumerated().map { index, row in
      try PendingPrompt(
        index, row.integers("prompt_ids").map(Int32.init), cache: KeyValueCache(model.architecture),
        vocabularySize: size)
    }
    try steps.prefill(prompts)
    let choices = try rows.map { try #require($0["steps"]?.array).compactMap(\.object) }
    var live = try prompts.map {
      try GrowingResponse($0, model.architecture, SampleSeed(0, prompt: 0, number: 0), isRemembering: false)
    }
    var logits = prompts.map { UnsafePointer($0.logits.pointer) }, worst = 0.0, count = 0
    while !live.isEmpty {
      for (response, choice) in zip(live, try steps.choose(for: live, logits: logits)) {
        let recorded = choices[response.prompt.index][response.tokens.count]
        let token = try #require(recorded["id"]?.integer), gap = try #require(recorded["gap"]?.double)
        #expect(Int(choice.token) == token || gap <= 1e-3)
        if Int(choice.token) == token {
          worst = max(worst, abs(choice.logProbability - (try #require(recorded["logprob"]?.double))))
        }
        response.append(Int32(token), logProbability: 0)
        count += 1
      }
      live.removeAll { $0.tokens.count == choices[$0.prompt.index].count }
      if !live.isEmpty { logits = try steps.decode(live) }
    }
    #expect(worst < 1e-3)
    print("\(count) greedy steps; largest difference of a log-probability: \(worst)")
  }

  @Test func samplesOfDialogues() throws {
    let model = try SmolLM2.load()
    let rows = try SmolLM2.rows("greedy_smollm2.json", "rows")
    let prompts = try rows.map { row in
      "<|im_start|>user\n\(try #require(row["prompt"]?.string))<|im_end|>\n<|im_start|>assistant\n"
    }
    var settings = SamplingSettings()
    settings.samples = 8
    settings.maxTokens = 64
    settings.topP = 0.9
    let clock = ContinuousClock(), start = clock.now
    let samples = try model.samples(prompts, settings)
    let seconds = (clock.now - start) / .seconds(1), tokens = samples.reduce(0) { $0 + $1.tokenCount }
    print("\(tokens) tokens in \(seconds) s: \(Double(tokens) / seconds) tokens/s at batch 16")
    print(samples.prefix(2).map(\.text))
    // <|im_end|>
    #expect(samples.filter { $0.finish == .end }.allSatisfy { $0.tokens.last == 2 })
    settings.batchSize = 1
    settings.samples = 1
    settings.maxTokens = 24
    let alone = try model.samples(prompts, settings)
    settings.batchSize = 16
    #expect(try model.samples(prompts, settings).map(\.tokens) == alone.map(\.tokens))
  }
}

enum SmolLM2 {
  static let path = ".build/models/SmolLM2-135M-Instruct"
  private static let shared = "../shared/models"
  static var isThere: Bool {
    FileManager.default.fileExists(atPath: path + "/model.safetensors")
      && FileManager.default.fileExists(atPath: shared)
  }

  static func load() throws -> Transformer {
    try Transformer.load(path: path, options: TransformerOptions(), given: [])
  }

  /// The objects of a list in a file of reference values.
  static func rows(_ file: String, _ key: String) throws -> [JSONObject] {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(shared)/\(file)")))
    return try #require(try JSONValue(parsing: bytes).object?[key]?.array).compactMap(\.object)
  }
}

extension JSONObject {
  func integers(_ name: String) throws -> [Int] { try #require(self[name]?.array).compactMap(\.integer) }
}
