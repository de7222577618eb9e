import FoundationEssentials
import LossKitTraining
import Testing

@testable import LossKit
@testable import LossKitRuntime

/// The toy policy as a type from a library.
func toyPolicyType() throws -> LoadedPolicyType { try toyType.get() }

/// One for all tests, like that of a library that is opened once.
private let toyType = Result { try LoadedPolicyType(PolicyExport<ToyPolicy>.descriptor(), library: "tests") }

/// A toy policy with weights from a seed.
func toyPolicy(seed: UInt64 = 1) throws -> PolicyInstance {
  try toyPolicyType().create(seed: seed)
}

/// Pairs in which the chosen response has more of the letter e than the rejected one.
func toyPairs(_ count: Int, seed: UInt64 = 5) -> PreferenceDataset {
  var numbers = RandomNumbers(seed: seed)
  func word(_ letters: [Character]) -> String {
    String((0..<3 + numbers.integer(below: 9)).map { _ in letters[numbers.integer(below: letters.count)] })
  }
  let examples = (0..<count).map { index in
    PreferenceExample(
      prompt: "say \(index)", responses: [word(["e", "e", "a", "t"]), word(["x", "q", "a", "t", "e"])], line: index + 1)
  }
  return PreferenceDataset(examples: examples, source: "toy pairs")
}

/// Rankings of two to five responses.
func toyRankings(_ count: Int, seed: UInt64 = 5) -> PreferenceDataset {
  let pairs = toyPairs(3 * count, seed: seed).examples
  let examples = (0..<count).map { index in
    let more = pairs[count + index..<count + index + index % 4].map { $0.responses[1] + "z" }
    return PreferenceExample(prompt: "rank \(index)", responses: pairs[index].responses + more, line: index + 1)
  }
  return PreferenceDataset(examples: examples, source: "toy rankings")
}

/// A temporary directory for a test, removed when the object is deallocated.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/losskit-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
}

/// The content of a file.
func content(_ path: String) throws -> [UInt8] {
  [UInt8](try #require(FileManager.default.contents(atPath: path)))
}

/// Settings parsed from text.
func settings(_ values: [String: String]) throws -> TrainingConfiguration {
  var configuration = TrainingConfiguration()
  for (name, text) in values { try configuration.set(name, to: text) }
  return configuration
}

/// The lines of metrics of a run, without what depends on the clock.
func metricsLines(_ directory: String) throws -> [MetricsRecord] {
  try MetricsLog.read("\(directory)/metrics.jsonl").map { record in
    MetricsRecord(
      step: record.step, epoch: record.epoch, metrics: record.metrics.filter { $0.name != "pairs_per_second" })
  }
}
