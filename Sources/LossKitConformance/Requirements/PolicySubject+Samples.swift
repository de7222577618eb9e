import LossKit
import LossKitRuntime

extension PolicySubject {
  /// Tests the samples of a policy; returns how many log-probabilities were compared with `forward`.
  func checkSamples() throws -> String {
    var settings = SamplingSettings()
    settings.samples = 32
    settings.maxTokens = 3
    settings.seed = seed
    let prompts = ["What is said of it?", "Größe: "]
    note("create")
    let policy = try type.create(seed: seed)
    let first = try samples(policy, prompts, settings)
    func expect(_ found: [Sample], _ expected: [Sample], _ condition: String) throws {
      for (found, expected) in zip(found, expected) where found.text != expected.text || found.finish != expected.finish
      {
        throw Failure("sample \(expected.number) of prompt \(expected.prompt + 1) has another text \(condition)")
      }
    }
    try expect(try samples(policy, prompts, settings), first, "when drawn again")
    settings.batchSize = 5
    let inOtherBatches = try samples(policy, prompts, settings)
    // Sums in another order may change a token where two are almost equally likely.
    let changed = zip(first, inOtherBatches).count { $0.text != $1.text }
    guard changed <= first.count / 8 else {
      throw Failure("\(changed) of \(first.count) samples have another text with another batch size")
    }
    settings.batchSize = 16
    settings.firstPrompt = 1
    let second = first.filter { $0.prompt == 1 }
    try expect(try samples(policy, [prompts[1]], settings), second, "when its prompt is alone and has the same number")
    settings.firstPrompt = 0
    settings.temperature = 0
    let greedy = try samples(policy, prompts, settings)
    for sample in greedy where sample.text != greedy[sample.prompt * settings.samples].text {
      throw Failure("at temperature 0, the samples of prompt \(sample.prompt + 1) differ")
    }
    return try compare(policy, first, prompts)
  }

  private func samples(_ policy: PolicyInstance, _ prompts: [String], _ settings: SamplingSettings) throws -> [Sample] {
    note("sample")
    var samples: [Sample] = []
    try policy.sample(prompts, settings) { sample in
      if let sample { samples.append(sample) }
      return true
    }
    return samples.sorted { ($0.prompt, $0.number) < ($1.prompt, $1.number) }
  }

  /// Compares log-probabilities with those of the samples' texts, where a text has as many tokens as were drawn.
  private func compare(_ policy: PolicyInstance, _ samples: [Sample], _ prompts: [String]) throws -> String {
    guard type.columns.contains(.tokenLogProbability) else { return "\(samples.count) samples" }
    var compared = 0, different: [(sample: Sample, found: Double)] = []
    for sample in samples where !sample.text.isEmpty && !sample.text.contains("\u{FFFD}") {
      let texts = try Texts(prompts: [prompts[sample.prompt]], responses: [[sample.text]])
      // A text that was not ended gets an end token.
      let count = Int(try policy.measure(texts).tokenCounts[0])
      guard count == sample.tokenCount + (sample.finish == .end ? 0 : 1) else { continue }
      let columns = try policy.forward(texts, tokenOffsets: [0, count], columns: [Column.tokenLogProbability.name])
      let values = columns[Column.tokenLogProbability.name] ?? []
      let sum = values.prefix(sample.tokenCount).reduce(0, +)
      compared += 1
      if abs(sum - sample.logProbability) > 1e-2 * max(1, abs(sum)) { different.append((sample, sum)) }
    }
    // A text may be tokenized in another way, with as many tokens.
    if let first = different.first, different.count > compared / 2 {
      throw Failure(
        "sample \(first.sample.number) of prompt \(first.sample.prompt + 1) has policy_logp "
          + "\(first.sample.logProbability.short), and forward gives \(first.found.short) for its text")
    }
    return "\(samples.count) samples, \(compared) compared with forward"
  }
}
