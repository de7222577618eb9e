import LossKit
import LossKitRuntime

/// The file `run.json`: all that decides a run, written before its first step and compared when it is resumed.
struct RunRecord {
  /// Something that decides the run, by name.
  struct Fact: Equatable {
    let name, value: String
    /// Whether a run may be resumed with another value.
    var mayChange = false
    /// What runs of versions without this fact were made with; nil where every run has it.
    var fallback: String?
  }

  var facts: [Fact]

  /// Writes the record into the directory of its run.
  func write(to directory: RunDirectory) throws {
    let json = JSONText.object(facts.map { ($0.name, .string($0.value)) })
    try Files.replace(directory.path(of: RunDirectory.runFile), with: Array((json.indented + "\n").utf8))
  }

  /// Throws where the run in `directory` was begun with other facts, and says which.
  func check(against directory: RunDirectory) throws {
    let path = directory.path(of: RunDirectory.runFile)
    let content = try Files.read(path).map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 }
    guard case .object(let stored)? = try JSONLines.lines(in: content, name: path).first?.value else {
      throw Failure("\(path): damaged; start a new run")
    }
    let differences = facts.filter { !$0.mayChange }.compactMap { fact -> String? in
      guard case .string(let before)? = stored[fact.name] ?? fact.fallback.map(JSONValue.string) else {
        return "\(fact.name): not set before, now \(fact.value)"
      }
      return before == fact.value ? nil : "\(fact.name): \(before) before, now \(fact.value)"
    }
    guard differences.isEmpty else {
      throw Failure(
        "\(directory.path): cannot be resumed with other settings; use those it was begun with, or start a new run:\n  "
          + differences.joined(separator: "\n  "))
    }
  }
}
