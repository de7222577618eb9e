import LossKit
import LossKitRuntime

/// What a policy truncates in the texts of a data set to fit its context.
struct Truncation {
  /// The number of prompts that lose tokens.
  private(set) var prompts = 0
  /// The number of responses that lose tokens.
  private(set) var responses = 0
  /// The indices of the pairs whose responses are equal after truncation.
  private(set) var equalPairs: [Int] = []

  /// Examines the examples that `isCut` marks as truncated. `tokenCounts` are those of each example's responses.
  init(
    _ dataset: PreferenceDataset, isCut: [[Bool]], tokenCounts: [[Int]], policy: PolicyInstance, batchSize: Int
  ) throws {
    let places = dataset.examples.indices.filter { isCut[$0].contains(true) }
    for chunk in chunks(of: places, size: batchSize) {
      let alone = try Self.measure(chunk, of: dataset, policy) { ("", dataset.examples[$0].responses) }
      let whole = try Self.measure(chunk, of: dataset, policy) {
        (dataset.examples[$0].prompt, dataset.examples[$0].responses)
      }
      for (number, place) in chunk.enumerated() {
        let cuts = zip(whole[number], alone[number]).map(Cut.init)
        responses += cuts.count { $0.response > 0 }
        prompts += cuts.contains { $0.prompt > 0 } ? 1 : 0
        let isSuspect = cuts.count == 2 && cuts.allSatisfy { $0.response > 0 } && Set(tokenCounts[place]).count == 1
        guard isSuspect else { continue }
        if try isEqual(dataset, place, kept: tokenCounts[place][0], policy) { equalPairs.append(place) }
      }
    }
  }

  /// Whether the two responses of an example, both truncated to `kept` tokens, become equal: then their common prefix alone is also
  /// truncated to `kept` tokens. Truncation keeps the beginning of a response.
  private func isEqual(_ dataset: PreferenceDataset, _ place: Int, kept: Int, _ policy: PolicyInstance) throws -> Bool {
    let example = dataset.examples[place]
    let shared = commonBeginning(example.responses[0], example.responses[1])
    guard !shared.isEmpty else { return false }
    let whole = try Self.measure([place], of: dataset, policy) { _ in (example.prompt, [shared]) }[0][0]
    let alone = try Self.measure([place], of: dataset, policy) { _ in ("", [shared]) }[0][0]
    return whole.tokens == kept && Cut(whole, alone).response > 0
  }

  /// The kept tokens of a response, and the truncated tokens of the response and its prompt.
  private typealias Measure = (tokens: Int, truncated: Int)

  /// The truncated tokens of a response and of its prompt.
  private struct Cut {
    let response: Int
    let prompt: Int

    /// From the measure of a response after its prompt and its measure without a prompt.
    init(_ whole: Measure, _ alone: Measure) {
      response = max(0, alone.tokens + alone.truncated - whole.tokens)
      prompt = max(0, whole.truncated - response)
    }
  }

  private static func measure(
    _ places: [Int], of dataset: PreferenceDataset, _ policy: PolicyInstance,
    _ text: (Int) -> (prompt: String, responses: [String])
  ) throws -> [[Measure]] {
    let texts = places.map(text)
    let measured = try ExampleBatch(places, of: dataset).locatingFailures {
      try policy.measure(Texts(prompts: texts.map(\.prompt), responses: texts.map(\.responses)))
    }
    return texts.indices.map { number in
      texts[number].responses.indices.map { rank in
        let entry = rank * places.count + number
        return (Int(measured.tokenCounts[entry]), Int(measured.truncated[entry]))
      }
    }
  }
}
