/// Preference data: examples that can be trained on, where they came from, and what was left out.
public struct PreferenceDataset: Sendable, Equatable {
  /// What the examples hold.
  public enum Kind: String, Sendable {
    /// Two responses each, chosen and rejected.
    case pairs
    /// Two or more responses each, best first.
    case rankings
    /// One response each, with a label.
    case unpaired
  }

  /// The examples, in the order of the file.
  public var examples: [PreferenceExample]
  /// The file they were read from, or how they were made, for people.
  public var source: String
  /// What was read, kept and left out.
  public var report: DataReport

  /// A data set of examples that are known to be good.
  public init(examples: [PreferenceExample], source: String, report: DataReport? = nil) {
    self.examples = examples
    self.source = source
    self.report = report ?? DataReport(rows: examples.count, kept: examples.count)
    self.report.kind = kind
  }

  /// What the examples hold; `pairs` where there are none.
  public var kind: Kind {
    if examples.contains(where: { $0.label != nil }) { return .unpaired }
    return examples.allSatisfy { $0.responses.count == 2 } ? .pairs : .rankings
  }

  /// Tells data sets apart: 16 hexadecimal digits over the prompts, responses, scores and labels in their order (FNV-1a, 64
  /// bits). It is the same for one data set written in several forms, and no protection against forgery.
  public var digest: String {
    var hash = ContentHash()
    for example in examples {
      hash.add(example.prompt)
      hash.add(UInt64(example.responses.count))
      for response in example.responses { hash.add(response) }
      for score in example.scores ?? [] { hash.add(score.bitPattern) }
      hash.add(example.label.map { $0 ? 2 : 1 } ?? 0)
    }
    return hash.hexadecimal
  }
}

private struct ContentHash {
  private var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ text: String) {
    add(UInt64(text.utf8.count))
    for byte in text.utf8 { add(byte: byte) }
  }

  mutating func add(_ word: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) { add(byte: UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
  }

  private mutating func add(byte: UInt8) {
    value = (value ^ UInt64(byte)) &* 0x100_0000_01B3
  }

  var hexadecimal: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
