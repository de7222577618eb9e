import LossKitJSON
import LossKitRuntime

/// Preference data: examples to train on, their source, and a report of what was left out.
public struct PreferenceDataset: Sendable, Equatable {
  /// The kind of the examples.
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
  /// The file they were read from, or a description of how they were generated.
  public var source: String
  /// What was read, kept and left out.
  public var report: DataReport

  /// Creates a data set of valid examples.
  public init(examples: [PreferenceExample], source: String, report: DataReport? = nil) {
    self.examples = examples
    self.source = source
    self.report = report ?? DataReport(rows: examples.count, kept: examples.count)
    self.report.kind = kind
  }

  /// The kind of the examples; `pairs` if there are none.
  public var kind: Kind {
    if examples.contains(where: { $0.label != nil }) { return .unpaired }
    return examples.allSatisfy { $0.responses.count == 2 } ? .pairs : .rankings
  }

  /// A digest that identifies the data set: SHA-256, 64 hexadecimal digits, over the prompts, responses, scores, labels and further
  /// numbers of the rows, in order. It does not depend on the form in which the rows are written.
  public var digest: String {
    var hash = ContentHash()
    for example in examples {
      hash.add(example.prompt)
      hash.add(UInt64(example.responses.count))
      for response in example.responses { hash.add(response) }
      for score in example.scores ?? [] { hash.add(score.bitPattern) }
      hash.add(example.label.map { $0 ? 2 : 1 } ?? 0)
      for member in example.further.members.sorted(by: { $0.key < $1.key }) {
        guard let values = numbers(of: member.value, example) else { continue }
        hash.add(member.key)
        for value in values { hash.add(value.bitPattern) }
      }
    }
    return hash.hexadecimal
  }

  /// The numbers of a value that consists of numbers only; a list over responses is in the order of the example's responses.
  private func numbers(of value: JSONValue, _ example: PreferenceExample) -> [Double]? {
    switch value {
    case .number(let number): return [number.double]
    case .array(let elements):
      let parts = elements.compactMap { numbers(of: $0, example) }
      guard parts.count == elements.count else { return nil }
      guard parts.count == example.rowResponses else { return parts.flatMap(\.self) }
      return example.places.flatMap { parts[$0] }
    default: return nil
    }
  }
}

private struct ContentHash {
  private var digest = SHA256Digest()

  mutating func add(_ text: String) {
    add(UInt64(text.utf8.count))
    digest.update(Array(text.utf8))
  }

  mutating func add(_ word: UInt64) {
    digest.update(stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) })
  }

  var hexadecimal: String {
    var digest = digest
    return digest.hexadecimal()
  }
}
