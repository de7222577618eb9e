import Foundation
import LossKitHead
import Testing

@testable import LossKit
@testable import LossKitJSON
@testable import Transformer

/// Samples of a model over bytes.
struct SamplingTests {
  private let prompts = ["What is said of it?", "Größe: ", "a", "And now, for once, at length: "]

  @Test func samplesDoNotDependOnTheBatchSize() throws {
    let model = try Transformer.small()
    var settings = SamplingSettings()
    settings.samples = 5
    settings.maxTokens = 40
    settings.seed = 3
    settings.batchSize = 1
    let alone = try model.samples(prompts, settings)
    #expect(alone.count == 20)
    #expect(alone.map { [$0.prompt, $0.number] } == (0..<4).flatMap { prompt in (0..<5).map { [prompt, $0] } })
    #expect(Set(alone.map(\.tokens)).count == 20)
    for size in [3, 16, 64] {
      settings.batchSize = size
      let found = try model.samples(prompts, settings)
      #expect(found.map(\.tokens) == alone.map(\.tokens))
      #expect(zip(found, alone).allSatisfy { abs($0.logProbability - $1.logProbability) < 1e-4 })
    }
  }

  @Test func aPromptIsKnownByItsNumber() throws {
    let model = try Transformer.small()
    var settings = SamplingSettings()
    settings.samples = 2
    settings.maxTokens = 12
    let all = try model.samples(prompts, settings)
    settings.firstPrompt = 2
    let last = try model.samples(Array(prompts[2...]), settings)
    #expect(last.map(\.tokens) == all[4...].map(\.tokens))
    settings.seed = 1
    #expect(try model.samples(Array(prompts[2...]), settings).map(\.tokens) != last.map(\.tokens))
  }

  /// Forward counts the end token, too.
  @Test func logProbabilitiesAreThoseOfForward() throws {
    let model = try Transformer.small()
    var settings = SamplingSettings()
    settings.samples = 400
    settings.maxTokens = 6
    settings.temperature = 0.7
    settings.topP = 0.95
    settings.repetitionPenalty = 1.2
    settings.batchSize = 64
    let samples = try model.samples(["a"], settings).filter { sample in
      !sample.text.isEmpty
        && sample.tokens.map(Int.init) == sample.text.utf8.map(Int.init) + (sample.finish == .end ? [258] : [])
    }
    let ended = samples.filter { $0.finish == .end }
    #expect(samples.count > 5)
    for sample in samples {
      let found = try model.logProbabilities(Texts([("a", [sample.text])]))
      let sum = found.tokens.prefix(sample.tokenCount).reduce(0, +)
      #expect(abs(sum - sample.logProbability) < 1e-4)
    }
    #expect(ended.allSatisfy { $0.tokens.last == 258 })
  }

  @Test func responsesEndAtTheContext() throws {
    let model = try Transformer.small(context: 20)
    var settings = SamplingSettings()
    settings.samples = 8
    settings.maxTokens = 100
    for sample in try model.samples(["0123456789"], settings) {
      // The begin token and the prompt are 11 tokens.
      #expect(sample.tokenCount <= 9)
      #expect((sample.finish == .length) == (sample.tokens.last != 258))
      if sample.finish == .length { #expect(sample.tokenCount == 9) }
    }
    let failure = #expect(throws: Failure.self) { try model.samples(["a", "0123456789012345678"], settings) }
    #expect(failure?.prompt == 1)
    #expect(failure?.message.contains("20 tokens") == true)
  }

  @Test func receivingCanStop() throws {
    let model = try Transformer.small()
    var settings = SamplingSettings()
    settings.samples = 10
    settings.maxTokens = 5
    var count = 0
    try model.sample(prompts, settings) { sample in
      if sample != nil { count += 1 }
      return count < 3
    }
    #expect(count == 3)
  }

  @Test func damagedWeightsAreAnErrorOfThePrompt() throws {
    let model = try Transformer.small()
    model.model.weights.pointer[model.model.layout.embedding + Int(UInt8(ascii: "x")) * 16] = .nan
    let failure = #expect(throws: Failure.self) { try model.samples(["a", "bx"], SamplingSettings()) }
    #expect(failure?.message.contains("not numbers") == true)
  }

  @Test func endTokensOfTheGenerationConfigurationCount() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try Transformer.small().save(to: directory, withOptimizer: false)
    let ends = (0..<128).map { "\($0)" }.joined(separator: ",")
    try #"{"eos_token_id": [\#(ends)]}"#.write(
      toFile: directory + "/generation_config.json", atomically: true, encoding: .utf8)
    let model = try Transformer.load(path: directory, options: TransformerOptions(), given: [])
    var settings = SamplingSettings()
    settings.samples = 20
    for sample in try model.samples(["a"], settings) where sample.finish == .end {
      #expect(sample.tokens.dropLast().allSatisfy { $0 > 127 && $0 != 258 })
      #expect(sample.tokens.last.map { $0 < 128 || $0 == 258 } == true)
    }
  }
}

extension Transformer {
  /// All samples, in order.
  func samples(_ prompts: [String], _ settings: SamplingSettings) throws -> [Sample] {
    var samples: [Sample] = []
    try sample(prompts, settings) { sample in
      if let sample { samples.append(sample) }
      return true
    }
    return samples.sorted { ($0.prompt, $0.number) < ($1.prompt, $1.number) }
  }
}
