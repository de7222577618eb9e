import Foundation
import Testing

/// A temporary directory in which a test builds libraries from C, removed when the test ends.
final class PluginWorkshop {
  let directory: URL

  init() throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("losskit-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

  /// A directory inside this one.
  @discardableResult
  func makeDirectory(_ name: String) throws -> String {
    try FileManager.default.createDirectory(
      atPath: path(name), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    return path(name)
  }

  /// The headers that C is compiled against.
  enum Headers: String, CaseIterable {
    case today = "Sources/CLossKit/include"
    case release1 = "Tests/ABI/1.0.0"

    var path: String { PluginWorkshop.package + "/" + rawValue }
  }

  /// Compiles C to a shared library of that name and returns its path.
  @discardableResult
  func build(_ source: String, as name: String, options: [String] = [], headers: Headers = .today) throws -> String {
    let input = directory.appendingPathComponent("\(UUID().uuidString).c")
    try Data(("#include <math.h>\n#include <losskit_plugin.h>\n" + source).utf8).write(to: input)
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments =
      ["cc", "-std=c11", "-shared", "-fPIC", "-I", headers.path, "-o", path(name)] + options + [input.path]
    try compiler.run()
    compiler.waitUntilExit()
    try #require(compiler.terminationStatus == 0, "the C compiler refused a test's own source")
    try setPermissions(0o755, of: path(name))
    return path(name)
  }

  func setPermissions(_ permissions: Int, of path: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
  }

  func read(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

  @discardableResult
  func write(_ bytes: [UInt8], as name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    try setPermissions(0o755, of: path(name))
    return path(name)
  }

  /// The package under test.
  static let package = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
}

/// C for a plugin that offers one loss, each part of which a test can replace. Parts are C expressions.
struct LossSource {
  var name = #""toy""#
  var kind = "LOSSKIT_LOSS"
  var flags = "LOSSKIT_ROWWISE | LOSSKIT_SHIFT_INVARIANT"
  var version = #""1.2.3""#
  var summary = #""A toy.""#
  var defaultReward = #""log-ratio""#
  var responses = "2, 2"
  var compute = "compute"
  var parameters = [
    #"{ "beta", "\\beta", "strength", LOSSKIT_REAL, LOSSKIT_LOWER_OPEN | LOSSKIT_REWARD_SCALE, 0.1, 0, INFINITY, 0 }"#
  ]
  var inputs = [#"{ "reward", "the implicit reward", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE }"#]
  var states = [#"{ "mean", 0.25 }"#]
  var components = "&component"
  var counts: (parameters: String?, components: String?) = (nil, nil)
  var extra = ""
  var objectives = ""

  var text: String {
    """
    static int32_t compute(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
      (void)self; (void)frame; (void)error; return 0;
    }
    \(Self.array("losskit_parameter", "parameter", parameters))
    \(Self.array("losskit_column", "input", inputs))
    \(Self.array("losskit_state", "state", states))
    static const losskit_component component = {
      \(kind), \(flags), \(responses), 0, 1, \(name), \(version), \(summary), "Nobody, 2024", 0, \(defaultReward),
      \(counts.parameters ?? "\(parameters.count)"), \(inputs.count), \(states.count),
      parameters, inputs, states, 0, \(compute), 0 };
    \(extra)
    static const losskit_component *const components[] = { \(components) };
    static const losskit_objective *const objectives[] = { \(objectives.isEmpty ? "0" : objectives) };
    static const losskit_plugin plugin = {
      \(counts.components ?? "sizeof components / sizeof components[0]"), 0, \(objectives.isEmpty ? 0 : 1),
      components, 0, objectives, 0 };
    const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
      (void)host; (void)error; return &plugin;
    }
    """
  }

  private static func array(_ type: String, _ name: String, _ entries: [String]) -> String {
    let items = entries.enumerated().map { "static const \(type) \(name)\($0) = \($1);" }.joined(separator: "\n")
    let pointers = entries.indices.map { "&\(name)\($0)" }.joined(separator: ", ")
    return entries.isEmpty
      ? "#define \(name)s 0" : "\(items)\nstatic const \(type) *const \(name)s[] = { \(pointers) };"
  }
}

/// The message of the failure that a closure throws.
func message(_ body: () throws -> some Any) -> String {
  do {
    return "no failure but \(try body())"
  } catch {
    return "\(error)"
  }
}
