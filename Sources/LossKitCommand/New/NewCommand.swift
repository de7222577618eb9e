import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// `losskit new`: a plugin project to start from.
struct NewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Writes a project for a new loss or reward that builds, passes its test and trains.",
    discussion: """
      The project is a directory with one source file to edit, a test, a README and a Makefile: 'make' builds the plugin, \
      'make test' tests it. The project contains no absolute path: its Makefile finds losskit in PATH, or as given by \
      'make LOSSKIT=/path/to/losskit'. A Swift project is a package that depends on LossKit's sources, which \
      'losskit sdk' locates during the build; C and Rust projects contain all that they need of LossKit.

      EXAMPLES
        losskit new my-loss --language swift
        make -C my-loss test
        losskit train --loss my-loss --plugin-path my-loss/plugin --output run
        losskit new my-hinge --language swift --from-formula '{relu(1 - beta*(chosen.reward - rejected.reward))}(beta=0.05)'
      """)

  @Argument(help: "The name of the loss or reward, such as my-loss.")
  var name: String

  @Option(help: "The language: swift, c or rust.")
  var language: ProjectLanguage

  @Option(help: "The kind: loss or reward.")
  var kind: ProjectKind = .loss

  @Option(
    help: ArgumentHelp(
      "The directory to write, which must be empty or not exist; by default the name.", valueName: "directory"))
  var directory: String?

  @Option(
    help: ArgumentHelp(
      "A formula with its values, as in an objective, to translate to Swift.", valueName: "formula"))
  var fromFormula: String?

  @Option(
    help: ArgumentHelp(
      "A checkout of LossKit, or the prefix of an installation; by default that of this program.",
      valueName: "directory"))
  var losskit: String?

  func run() throws {
    let names = try blaming(.usage) { try ProjectNames(name, kind: kind) }
    let sources = try LossKitSources(at: losskit)
    let formula = try blaming(.usage) { try fromFormula.map { try formulaSource($0, names) } }
    let files = Project(names: names, language: language, sources: sources, formula: formula).files
    let directory = directory ?? name
    let train =
      ["losskit", "train", "--loss", names.expression, "--plugin-path", "\(directory)/plugin", "--output", "run"]
    try blaming(.usage) { try Self.checkIsFree(directory) }
    for file in files {
      let path = "\(directory)/\(file.path)"
      try Files.makeDirectory(path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".")
      try Files.create(path, with: Array(file.text.utf8))
    }
    try Console.show(
      """
      \(name): a \(kind) in \(language.title), in \(directory): \(files.map(\.path).joined(separator: ", ")).
      Build and test it:   \(shellCommand(["make", "-C", directory, "test"] + makeVariables(sources)))
      Train with it:       \(shellCommand(train))

      """)
  }

  /// The variables that the project's Makefile cannot determine itself.
  private func makeVariables(_ sources: LossKitSources) -> [String] {
    let isFound = Executable.isInPath(as: "losskit")
    let command = isFound ? [] : Executable.path.map { ["LOSSKIT=\($0)"] } ?? []
    return command + (language == .swift && losskit != nil ? ["SDK=\(sources.package)"] : [])
  }

  /// A formula as the source of a plugin.
  private func formulaSource(_ text: String, _ names: ProjectNames) throws -> String {
    guard language == .swift else {
      throw Failure("--from-formula: formulas are translated to Swift; add --language swift")
    }
    let formula = try FormulaText(parsing: text, as: kind == .loss ? .loss : .reward)
    return try formula.component().swiftSource(name: name, typeName: names.type, summary: formula.text)
  }

  private static func checkIsFree(_ directory: String) throws {
    guard Files.exists(directory) else { return }
    guard Files.isDirectory(directory), try Files.names(in: directory).isEmpty else {
      throw Failure("\(directory): already exists and is not an empty directory; name another with --directory")
    }
  }
}

/// The languages that projects are written in.
enum ProjectLanguage: String, CaseIterable, ExpressibleByArgument {
  case swift, c, rust

  /// The language's name.
  var title: String {
    switch self {
    case .swift: "Swift"
    case .c: "C"
    case .rust: "Rust"
    }
  }
}

/// The kind of a project's component.
enum ProjectKind: String, CaseIterable, ExpressibleByArgument {
  case loss, reward
}
