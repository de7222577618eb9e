import Foundation
import LossKitJSON
import LossKitTraining
import Testing

/// A temporary directory for a test, removed when the test ends.
final class Workplace {
  private let directory: URL

  init() throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("losskit-command-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

  func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ text: String, as name: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }

  /// Makes a directory for plugins.
  func makeDirectory(_ name: String) throws -> String {
    try FileManager.default.createDirectory(
      atPath: path(name), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    return path(name)
  }

  /// Copies a built plugin to a file in a subdirectory.
  @discardableResult
  func copy(_ library: String, to name: String) throws -> String {
    try FileManager.default.copyItem(atPath: "\(Tool.directory())/\(library)", toPath: path(name))
    return path(name)
  }

  /// Compiles C that includes the plugin header to a library in a subdirectory.
  @discardableResult
  func compile(_ source: String, as name: String) throws -> String {
    let input = try write("#include <math.h>\n#include <losskit_plugin.h>\n" + source, as: "\(UUID().uuidString).c")
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments = ["cc", "-std=c11", "-shared", "-fPIC", "-I", Self.headers, "-o", path(name), input]
    try compiler.run()
    compiler.waitUntilExit()
    try #require(compiler.terminationStatus == 0, "the C compiler refused a test's own source")
    return path(name)
  }

  static let headers = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources/CLossKit/include").path
}

/// The objects of JSON Lines. Read with the package's reader, because JSONSerialization loses the last digits of numbers.
func jsonLines(_ text: String) throws -> [[String: Any]] {
  try JSONLines.lines(in: Array(text.utf8), name: "output").map { line in
    try #require(value(line.value) as? [String: Any])
  }
}

/// A JSON text of one value, numbers as doubles.
func json(_ text: String) throws -> Any {
  value(try JSONValue(parsing: text.utf8))
}

private func value(_ json: JSONValue) -> Any {
  switch json {
  case .null: NSNull()
  case .bool(let value): value
  case .number(let value): value.double
  case .string(let value): value
  case .array(let elements): elements.map(value)
  case .object(let members): Dictionary(uniqueKeysWithValues: members.members.map { ($0.key, value($0.value)) })
  }
}
