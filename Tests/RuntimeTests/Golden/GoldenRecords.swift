import Foundation
import LossKit
import LossKitRuntime

/// The records that Fixtures/make_golden.py writes, which documents the fields.
struct GoldenSet: Decodable {
  struct Record: Decodable {
    var name: String?
    var objectives: [String]
    var inputs: String
    var loss: Double?
    /// An entry is nil if the exact number does not fit a double.
    var prompts: [Double?]?
    var gradient: [Double?]
    var by: String?
    var also: [String: [Double]]?
    var of: String
    var before: [Double]?
    var state: [Double]?
    var absolute: Double?

    /// All gradients, by column.
    var gradients: [String: [Double?]] {
      (also ?? [:]).mapValues { $0.map(Optional.some) }.merging([by ?? "policy_logp": gradient]) { $1 }
    }
  }

  var records: [Record]

  /// The set of a name.
  static func read(_ name: String) throws -> GoldenSet { try Fixtures.read("golden/\(name).json") }

  /// The names of all sets.
  static var names: [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: Fixtures.url("golden").path)) ?? []
    return files.filter { $0.hasSuffix(".json") && $0 != "inputs.json" }.map { String($0.dropLast(5)) }.sorted()
  }
}

/// The columns that records are evaluated at: pairs under TRL's names, or any columns under LossKit's.
struct GoldenInputs {
  private let sets: [String: [String: Numbers]]

  /// A number or a list of them.
  private struct Numbers: Decodable {
    var values: [Double]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      values = try (try? container.decode([Double].self)) ?? [container.decode(Double.self)]
    }
  }

  init() throws { sets = try Fixtures.read("golden/inputs.json") }

  /// A set of inputs as a batch, without columns that the library did not get.
  func batch(_ id: String) throws -> Batch {
    guard let columns = sets[id]?.mapValues(\.values) else { throw Failure("no inputs '\(id)'") }
    guard let responses = columns["K"]?.first.map({ Int($0) }) else { return try pairs(columns) }
    let offsets = columns["token_offsets"].map { $0.map { Int($0) } }
    let rows = offsets.map { $0.count - 1 } ?? columns["policy_logp"]?.count ?? 0
    var batch = Batch(
      prompts: rows / responses, responses: responses, references: columns["R"]?.first.map { Int($0) } ?? 1)
    batch.tokenOffsets = offsets
    batch.columns = columns.filter { !["K", "R", "token_offsets"].contains($0.key) }
    return batch
  }

  private func pairs(_ columns: [String: [Double]]) throws -> Batch {
    guard let chosen = columns["policy_chosen_logps"] else { throw Failure("inputs without log-probabilities") }
    var batch = Batch(prompts: chosen.count)
    let names = [
      ("policy_logp", "policy_chosen_logps", "policy_rejected_logps"),
      ("reference_logp", "ref_chosen_logps", "ref_rejected_logps"),
      ("token_count", "chosen_lengths", "rejected_lengths"),
    ]
    for (name, chosen, rejected) in names {
      if let first = columns[chosen], let second = columns[rejected] { batch.columns[name] = first + second }
    }
    return batch
  }
}

enum Fixtures {
  static func url(_ path: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures").appendingPathComponent(path)
  }

  static func read<Value: Decodable>(_ path: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(contentsOf: url(path)))
  }
}
