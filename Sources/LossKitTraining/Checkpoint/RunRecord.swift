import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitSystem

/// The file `run.json`: everything that determines a run, written before its first step and compared on resumption.
struct RunRecord {
  /// A named value that determines the run.
  struct Fact: Equatable {
    let name, value: String
    /// Whether a run may be resumed with a different value.
    var mayChange = false
    /// The value for runs of versions that did not record this fact; nil if every version does.
    var fallback: String?
    /// What a different value means, for values that do not explain themselves, such as digests.
    var change: String?
    /// The fact that spells out what this one records as a digest.
    var words: String?
  }

  var facts: [Fact]

  /// The value of a fact, or nil.
  subscript(name: String) -> String? { facts.first { $0.name == name }?.value }

  /// The changes made at each resumption, one line per resumption.
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

  /// Writes the record into the run's directory.
  func write(to directory: RunDirectory) throws {
    var members = facts.map { ($0.name, JSONValue.string($0.value)) }
    if !resumptions.isEmpty { members.append((Self.resumptionsName, .array(resumptions.map { .string($0) }))) }
    try Files.replace(
      directory.path(of: RunDirectory.runFile), with: Array((JSONValue.object(members).indented + "\n").utf8))
  }

  private static let resumptionsName = "resumptions"

  /// Throws, listing the differences, if the run in `directory` was begun with other facts.
  func check(against stored: RunRecord, in directory: RunDirectory) throws {
    let differences = facts.filter { !$0.mayChange }.compactMap { difference($0, from: stored) }
    guard differences.isEmpty else {
      throw Failure(
        "\(directory.path): cannot be resumed with other settings; use those it was begun with, or start a new run:\n  "
          + differences.joined(separator: "\n  "))
    }
  }

  /// Describes how a fact differs from the stored one; nil if it does not.
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

  /// Returns the record of a run resumed at `step` with these facts, and the permitted changes.
  func continuing(_ stored: RunRecord, from step: Int) -> (record: RunRecord, changes: [String]) {
    let changes = facts.filter { $0.mayChange && $0.isSetting }.compactMap { difference($0, from: stored) }
    var record = self
    record.resumptions = stored.resumptions
    if !changes.isEmpty { record.resumptions.append("from step \(step) on: \(changes.joined(separator: "; "))") }
    return (record, changes)
  }
}

extension RunRecord.Fact {
  /// Whether it is a key of the configuration rather than derived from others.
  fileprivate var isSetting: Bool { TrainingConfiguration.keys.contains { $0.name == name } }

  /// A digest; `change` explains a different value.
  static func digest(_ name: String, _ value: String, change: String, words: String? = nil) -> Self {
    Self(name: name, value: value, change: change, words: words)
  }
}
