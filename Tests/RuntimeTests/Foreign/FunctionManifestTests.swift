import Foundation
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Manifests of libraries without LossKit.
@Suite struct FunctionManifestTests {
  let workshop: PluginWorkshop

  init() throws { workshop = try PluginWorkshop() }

  private static let source = """
    double margin(double chosen_reward, double rejected_reward, double weight) {
      return weight * (rejected_reward - chosen_reward);
    }
    double number = 3;
    """

  private static let manifest = """
    {
      "name": "margin",
      "kind": "loss",
      "library": "libmargin.so",
      "function": "double margin(double chosen_reward, double rejected_reward, double weight = 2)",
      "shift_invariant": true,
      "hyperparameters": { "weight": { "summary": "a factor", "symbol": "w", "minimum": 0, "minimum_excluded": true } }
    }
    """

  @discardableResult
  private func write(_ text: String, as name: String = "margin.losskit.json") throws -> String {
    try workshop.write(Array(text.utf8), as: name)
  }

  private func build(in directory: String = "") throws {
    let plain = "#undef LOSSKIT_PLUGIN_H\n" + Self.source
    try workshop.build(plain, as: directory + "libmargin.so")
  }

  @Test func isFoundInTheSearchPathBesideRealPlugins() throws {
    try build()
    let manifest = try write(Self.manifest)
    let registry = PluginRegistry(searchPath: try PluginSearchPath([workshop.directory.path]))
    let listing = registry.listing
    #expect(listing.problems.isEmpty, "a library that a manifest names need not be a plugin")
    #expect(listing.entries.map(\.name) == ["margin"] && listing.entries.map(\.hasNumericGradient) == [true])
    let loss = try registry.component(named: "margin", kind: .loss)
    #expect(loss.library == manifest && loss.version == "1" && loss.defaultReward == "log-ratio")
    #expect(loss.isShiftInvariant && loss.isRowwise && loss.hasNumericGradient && loss.responses == 2...2)
    #expect(loss.parameters.map(\.symbol) == ["w"] && loss.parameters[0].range == "greater than 0")
  }

  @Test func isOpenedByItsPathAndOnlyOnce() throws {
    try build()
    let manifest = try write(Self.manifest)
    let registry = try BuiltPlugins.registry()
    #expect(try registry.open(path: manifest) === registry.open(path: manifest))
    let batch = Batch(
      prompts: 2, columns: ["policy_logp": [-1, -2, -3, -4], "reference_logp": [-2, -2, -2, -2]])
    var state: [Double] = []
    let found = try Objective("margin(weight=3)", in: registry).evaluate(batch, state: &state)
    #expect(found.loss == [-6, -6])
    #expect(worstError(found.gradients["policy_logp"] ?? [], [-3, -3, 3, 3]) < 1e-9)

    try write(Self.manifest.replacing("= 2", with: "= 4"))
    #expect(
      message { try registry.open(path: manifest) }.hasSuffix(
        "it has changed since it was opened; start the program again"))
  }

  @Test func theLibraryMayLieElsewhere() throws {
    try workshop.makeDirectory("code")
    try build(in: "code/")
    for (number, library) in ["code/libmargin.so", workshop.path("code/libmargin.so")].enumerated() {
      let path = try write(Self.manifest.replacing("libmargin.so", with: library), as: "\(number).losskit.json")
      #expect(try PluginRegistry().open(path: path).components.map(\.name) == ["margin"])
    }
  }

  struct Wrong: CustomTestStringConvertible {
    var part = ""
    var replacement = ""
    let message: String
    var testDescription: String { message }
  }

  static let wrong: [Wrong] = [
    Wrong(
      part: "\"loss\"", replacement: "\"los\"", message: "line 3: key 'kind': 'los' is not a kind; loss and reward are"),
    Wrong(part: "\"name\"", replacement: "\"nane\"", message: "line 2: unknown key 'nane'; did you mean 'name'?"),
    Wrong(part: "\"name\": \"margin\",", message: "key 'name' is missing; it gives the name it is found by"),
    Wrong(part: "\"library\": \"libmargin.so\",", message: "key 'library' is missing; it gives the file"),
    Wrong(
      part: "\"kind\": \"loss\",", replacement: "\"kind\": \"loss\", \"kind\": \"loss\",",
      message: "line 3, column 19: the key 'kind' appears twice; remove one of them"),
    Wrong(
      part: "\"margin\"", replacement: "7",
      message: "line 2: key 'name': it is a number; expected a text in quotation marks"),
    Wrong(
      part: "true,", replacement: "\"yes\",",
      message: "line 6: key 'shift_invariant': it is a string; expected true or false"),
    Wrong(part: "true,", replacement: "yes,", message: "line 6, column 22: not JSON: expected a value, found 'yes'"),
    Wrong(part: "{ \"weight\"", replacement: "{ \"wait\"", message: "hyperparameters: unknown hyperparameter 'wait'"),
    Wrong(
      part: "\"minimum\":", replacement: "\"min\":", message: "line 7: unknown key of hyperparameters.weight 'min'"),
    Wrong(
      part: "\"minimum\": 0", replacement: "\"minimum\": 5",
      message: "parameter 'weight': its default is out of bounds"),
    Wrong(part: "double margin", replacement: "complex margin", message: "function, column 1: unknown type 'complex'"),
    Wrong(
      part: "double weight", replacement: "double *user_data, double weight",
      message: "function, column 69: write 'void *user_data'"),
    Wrong(
      part: "double weight", replacement: "void *user_data, double weight",
      message: "'user_data' is only for functions of the running program"),
    Wrong(
      part: "double margin", replacement: "double margim",
      message: "libmargin.so: unknown function 'margim'; did you mean 'margin'?"),
    Wrong(part: "double margin", replacement: "double number", message: "libmargin.so: unknown function 'number'"),
    Wrong(
      part: "double margin", replacement: "double (*)",
      message: "function, column 1: the function has no name to find it by"),
    Wrong(
      part: "\"shift_invariant\"",
      replacement:
        "\"gradient\": \"void slope(double *d_chosen_reward, double *d_rejected_reward)\", \"shift_invariant\"",
      message: "gradient: "),
    Wrong(
      part: "libmargin.so", replacement: "libmargarine.so",
      message: "there is no 'libmargarine.so' beside the manifest, and this program"),
    Wrong(part: "libmargin.so", replacement: "./libmargarine.so", message: "libmargarine.so: no such file"),
    Wrong(part: "libmargin.so", replacement: "./margin.losskit.json", message: "not a shared library (no ELF header)"),
    Wrong(part: "}\n}", replacement: "}", message: "not JSON: expected"),
    Wrong(part: "\"a factor\"", replacement: "\"a \\x factor\"", message: "'\\x' is not an escape"),
    Wrong(part: "\"a factor\"", replacement: "\"a factor", message: "line 7, column "),
  ]

  @Test(arguments: wrong) func aWrongManifestIsRefusedAndSaysWhere(_ wrong: Wrong) throws {
    try build()
    let path = try write(Self.manifest.replacing(wrong.part, with: wrong.replacement, maxReplacements: 1))
    let registry = PluginRegistry()
    let found = message { try registry.open(path: path) }
    #expect(found.hasPrefix("\(path): ") && found.contains(wrong.message), "\(found)")
    #expect(registry.listing.entries.isEmpty)
    let searched = PluginRegistry(searchPath: try PluginSearchPath([workshop.directory.path])).listing
    #expect(searched.entries.isEmpty && searched.problems.contains { $0.path == path && $0.message == found })
  }

  @Test(arguments: [
    "", "[]", "7", "\"text\"", "nul", "{\"a\": }", "{\"a\" 1}", "{\"a\": 1,}", "{} x", "\u{1}", "[[[[[[[[[[[[[[[[[[]",
  ])
  func whatIsNoObjectOfJSON(_ text: String) throws {
    let path = try write(text)
    #expect(message { try PluginRegistry().open(path: path) }.hasPrefix("\(path): line 1"))
  }

  @Test func bytesThatAreNoTextAreRefused() throws {
    let path = try workshop.write([0x7B, 0xFF, 0x7D], as: "margin.losskit.json")
    #expect(
      message { try PluginRegistry().open(path: path) }
        == "\(path): line 1, column 2: not UTF-8; convert the file to UTF-8")
  }

  @Test func whatOthersMayWriteIsNotTrusted() throws {
    try build()
    let path = try write(Self.manifest)
    try workshop.setPermissions(0o777, of: workshop.path("libmargin.so"))
    #expect(message { try PluginRegistry().open(path: path) }.contains("libmargin.so: everyone can write it"))
    try workshop.setPermissions(0o755, of: workshop.path("libmargin.so"))
    try workshop.setPermissions(0o777, of: path)
    #expect(message { try PluginRegistry().open(path: path) }.contains("margin.losskit.json: everyone can write it"))
  }

  @Test func bothFilesHaveToBeOnTheListOfAllowedOnes() throws {
    try build()
    let path = try write(Self.manifest)
    let sums = try [path, workshop.path("libmargin.so")].map { SHA256Digest.hexadecimal(of: try workshop.read($0)) }
    for (allowed, name) in [
      ([], "margin.losskit.json"), ([sums[0]], "libmargin.so"), ([sums[1]], "margin.losskit.json"),
    ] {
      let registry = PluginRegistry(allowedDigests: Set(allowed))
      #expect(message { try registry.open(path: path) }.contains("\(name): its SHA-256 sum"))
    }
    #expect(try PluginRegistry(allowedDigests: Set(sums)).open(path: path).components.count == 1)
  }
}
