import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitSystem

/// The file `run.json`: all that decides a run, written before its first step and compared when it is resumed.
struct RunRecord {
  /// Something that decides the run, by name.
  struct Fact: Equatable {
    let name, value: String
    /// Whether a run may be resumed with another value.
    var mayChange = false
    /// What runs of versions without this fact were made with; nil where every run has it.
    var fallback: String?
    /// What another value means, where the values themselves tell people nothing.
    var change: String?
    /// The fact that says in words what this one says as a sum.
    var words: String?
  }

  var facts: [Fact]

  /// The value of a fact; nil where there is none of the name.
  subscript(name: String) -> String? { facts.first { $0.name == name }?.value }

  /// What changed when the run was resumed, a line for each time.
  private var resumptions: [String] = []

  init(facts: [Fact]) { self.facts = facts }

  /// Reads the record of the run in a directory. Throws if the file is damaged.
  init(of directory: RunDirectory) throws {
    let path = directory.path(of: RunDirectory.runFile)
    guard let members = try JSONValue(ofFile: path)?.object else {
      throw Failure("\(path): damaged; start a new run")
    }
    facts = members.members.sorted { $0.key < $1.key }.compactMap { member in
      member.value.string.map { Fact(name: member.key, value: $0) }
    }
    resumptions = members[Self.resumptionsName]?.array?.compactMap(\.string) ?? []
  }

  /// Writes the record into the directory of its run.
  func write(to directory: RunDirectory) throws {
    var members = facts.map { ($0.name, JSONValue.string($0.value)) }
    if !resumptions.isEmpty { members.append((Self.resumptionsName, .array(resumptions.map { .string($0) }))) }
    try Files.replace(
      directory.path(of: RunDirectory.runFile), with: Array((JSONValue.object(members).indented + "\n").utf8))
  }

  private static let resumptionsName = "resumptions"

  /// Throws where the run in `directory` was begun with other facts, and says which.
  func check(against stored: RunRecord, in directory: RunDirectory) throws {
    let differences = facts.filter { !$0.mayChange }.compactMap { difference($0, from: stored) }
    guard differences.isEmpty else {
      throw Failure(
        "\(directory.path): cannot be resumed with other settings; use those it was begun with, or start a new run:\n  "
          + differences.joined(separator: "\n  "))
    }
  }

  /// How a fact differs from what it was, in words; nil where it does not.
  private func difference(_ fact: Fact, from stored: RunRecord) -> String? {
    guard let before = stored[fact.name] ?? fact.fallback else {
      return "\(fact.name): not set before, now \(fact.value)"
    }
    guard before != fact.value else { return nil }
    if let words = fact.words, let old = stored[words], let new = self[words], old != new {
      return "\(fact.name): \(old) before, now \(new)"
    }
    return "\(fact.name): " + (fact.change ?? "\(before) before, now \(fact.value)")
  }

  /// The record of a run that goes on from `step` with these facts, and what of them, and may, differs from before.
  func continuing(_ stored: RunRecord, from step: Int) -> (record: RunRecord, changes: [String]) {
    let changes = facts.filter { $0.mayChange && $0.isSetting }.compactMap { difference($0, from: stored) }
    var record = self
    record.resumptions = stored.resumptions
    if !changes.isEmpty { record.resumptions.append("from step \(step) on: \(changes.joined(separator: "; "))") }
    return (record, changes)
  }
}

extension RunRecord.Fact {
  /// Whether it is a key of the configuration, as opposed to what follows from others.
  fileprivate var isSetting: Bool { TrainingConfiguration.keys.contains { $0.name == name } }

  /// A sum that stands for something: another value is told by `change`.
  static func digest(_ name: String, _ value: String, change: String, words: String? = nil) -> Self {
    Self(name: name, value: value, change: change, words: words)
  }
}
