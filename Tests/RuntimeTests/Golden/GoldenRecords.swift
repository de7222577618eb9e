import Foundation
import LossKit
import LossKitRuntime

/// The records that Fixtures/make_golden.py writes; see there what the fields mean.
struct GoldenSet: Decodable {
  struct Record: Decodable {
    var name: String?
    var objectives: [String]
    var inputs: String
    var loss: Double?
    var prompts: [Double]?
    var gradient: [Double]
    var of: String
    var state: [Double]?
  }

  var records: [Record]

  /// A set by its name.
  static func read(_ name: String) throws -> GoldenSet { try Fixtures.read("golden/\(name).json") }

  /// The names of all sets.
  static var names: [String] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: Fixtures.url("golden").path)) ?? []
    return files.filter { $0.hasSuffix(".json") && $0 != "inputs.json" }.map { String($0.dropLast(5)) }.sorted()
  }
}

/// The columns that records are evaluated at, under TRL's names.
struct GoldenInputs {
  private let sets: [String: [String: [Double]]]

  init() throws { sets = try Fixtures.read("golden/inputs.json") }

  /// A set of inputs as a batch of pairs; what the library was not given is left out.
  func batch(_ id: String) throws -> Batch {
    guard let columns = sets[id], let chosen = columns["policy_chosen_logps"] else {
      throw Failure("no inputs '\(id)'")
    }
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
