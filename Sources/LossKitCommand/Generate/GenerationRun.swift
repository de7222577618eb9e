import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitTraining

/// Draws the responses to all prompts and writes a line for each prompt, in order.
struct GenerationRun {
  private let prompts: GenerationPrompts
  private let settings: SamplingSettings
  private let write: (String) throws -> Void
  private let progress = Progress(label: "generate")
  private let start = ContinuousClock.now
  /// The responses of prompts that are not written yet.
  private var waiting: [Int: [Sample?]] = [:]
  /// The next prompt to write, if all are complete.
  private var next = 0
  /// The number of prompts written, of responses, of those that ended, and of empty ones, and of tokens.
  private(set) var written = 0
  private var drawn = 0, ended = 0, empty = 0, tokens = 0

  init(prompts: GenerationPrompts, settings: SamplingSettings, write: @escaping (String) throws -> Void) {
    self.prompts = prompts
    self.settings = settings
    self.write = write
  }

  /// Draws all responses; returns false if it was interrupted.
  mutating func sample(
    _ batches: [GenerationPrompts.Batch], from model: PolicyInstance, interruption: Interruption
  ) throws -> Bool {
    defer { progress.clear() }
    for batch in batches {
      var settings = settings
      settings.firstPrompt = UInt64(batch.first)
      try model.setTextForm(batch.form)
      let isComplete = try prompts.locating(batch.first) {
        try model.sample(batch.texts, settings) { sample in
          if let sample { try take(sample, first: batch.first) }
          return !interruption.isRequested
        }
      }
      guard isComplete, !interruption.isRequested || next == prompts.rows.count else {
        try writeRest()
        return false
      }
    }
    return true
  }

  private mutating func take(_ sample: Sample, first: Int) throws {
    let place = first + sample.prompt
    let none = [Sample?](repeating: nil, count: settings.samples)
    waiting[place, default: none][sample.number] = sample
    drawn += 1
    tokens += sample.tokenCount
    if sample.finish == .end { ended += 1 }
    if sample.text.isEmpty { empty += 1 }
    while let samples = complete(next) {
      try writeLine(next, samples)
      next += 1
    }
    progress.update("\(Int(rate)) tokens/s", done: drawn / settings.samples, of: prompts.rows.count)
  }

  /// Writes the complete prompts after one that is not complete.
  private mutating func writeRest() throws {
    for place in waiting.keys.sorted() {
      if let samples = complete(place) { try writeLine(place, samples) }
    }
  }

  private func complete(_ place: Int) -> [Sample]? {
    guard let samples = waiting[place], samples.allSatisfy({ $0 != nil }) else { return nil }
    return samples.compactMap(\.self)
  }

  private mutating func writeLine(_ place: Int, _ samples: [Sample]) throws {
    waiting[place] = nil
    written += 1
    func list(_ value: (Sample) -> JSONValue) -> JSONValue { .array(samples.map(value)) }
    let row = prompts.rows[place]
    let line: JSONValue = .object(
      [("prompt", row.value)] + (row.tools.map { [("tools", $0)] } ?? []) + [
        ("responses", list { .string($0.text) }),
        ("response_ids", list { .array($0.tokens.map { .number(Int($0)) }) }),
        ("token_count", list { .number($0.tokenCount) }),
        ("finish_reason", list { .string($0.finish == .end ? "eos" : "length") }),
        ("policy_logp", list { .number($0.logProbability) }),
      ])
    try write(line.compact + "\n")
  }

  private var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }
  private var rate: Double { Double(tokens) / max(seconds, 1e-3) }

  /// What was drawn, in lines.
  func summary(output: String) -> String {
    func share(_ count: Int) -> String { "\(count) of \(drawn)" }
    var lines = [
      ["prompts", "\(written)"], ["responses", "\(drawn)"], ["tokens", "\(tokens)"],
      ["ended", share(ended)], ["seconds", roundTripDecimal((seconds * 10).rounded() / 10)],
      ["tokens/s", "\(Int(rate))"],
    ]
    if empty > 0 { lines.append(["empty", "\(share(empty)); losskit train refuses empty responses"]) }
    if output != "-" { lines.append(["output", output]) }
    return alignedLines(lines)
  }
}
