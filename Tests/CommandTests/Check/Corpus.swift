import Dispatch
import Foundation
import LossKit
import Synchronization
import Testing

/// Faulty plugins, each a few lines of C, whose first line names the fault and the test that finds it.
struct Corpus {
  /// One of the plugins.
  struct Case: Sendable, CustomTestStringConvertible {
    /// The file's name without its extension.
    let name: String
    /// The test that must find the fault; `nothing` if there is none.
    let test: String
    /// The source file.
    let source: URL

    var testDescription: String { name }
  }

  /// The plugins whose finding is a warning, because it may be intended.
  static let warnings: Set = ["ignores_rejected", "jumps"]

  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus")

  /// All plugins, sorted by name.
  static let cases: [Case] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return names.sorted().filter { !$0.hasSuffix(".h") }.compactMap { file in
      let source = directory.appendingPathComponent(file)
      guard let text = try? String(contentsOf: source, encoding: .utf8), let colon = text.firstIndex(of: ":") else {
        return nil
      }
      return Case(
        name: source.deletingPathExtension().lastPathComponent, test: String(text[..<colon].dropFirst(3)),
        source: source)
    }
  }()

  private let place: Workplace

  init() throws {
    place = try Workplace()
    _ = try place.makeDirectory("corpus")
  }

  /// The directory of the built plugins.
  var path: String { place.path("corpus") }

  func library(_ name: String) -> String { "\(path)/lib\(name).so" }

  /// Compiles some of the plugins, or all.
  func build(_ names: Set<String>? = nil) throws {
    let wanted = Self.cases.filter { names?.contains($0.name) ?? true }
    let failed = Mutex<[String]>([])
    let path = path
    DispatchQueue.concurrentPerform(iterations: wanted.count) { index in
      let plugin = wanted[index]
      let isBuilt = (try? Self.compile(plugin, to: "\(path)/lib\(plugin.name).so")) ?? false
      if !isBuilt { failed.withLock { $0.append(plugin.name) } }
    }
    #expect(failed.withLock { $0 } == [], "the compiler refused them")
  }

  private static func compile(_ plugin: Case, to library: String) throws -> Bool {
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let isC = plugin.source.pathExtension == "c"
    compiler.arguments =
      (isC ? ["cc", "-std=gnu11"] : ["c++", "-std=c++17", "-fvisibility=hidden"])
      + ["-shared", "-fPIC", "-I", Workplace.headers, "-o", library, plugin.source.path, "-lm"]
    try compiler.run()
    compiler.waitUntilExit()
    return compiler.terminationStatus == 0
  }
}
