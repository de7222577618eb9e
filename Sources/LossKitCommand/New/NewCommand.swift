import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// `losskit new`: a plugin project to start from.
struct NewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Writes the project of a new loss or reward, which builds, passes its test and trains as it is.",
    discussion: """
      The project is a directory with one source file to edit, a test, a README and a Makefile: 'make' builds the plugin, \
      'make test' tests it. The project holds no absolute path: its Makefile finds the command losskit in PATH, or where \
      'make LOSSKIT=/path/to/losskit' says. A Swift project is a package that depends on LossKit's sources, which \
      'losskit sdk' names while it is built; C and Rust need nothing of LossKit but what is written there.

      EXAMPLES
        losskit new my-loss --language swift
        make -C my-loss test
        losskit train --loss my-loss --plugin-path my-loss/plugin --output run
        losskit new my-hinge --language swift --from-formula '{relu(1 - beta*(chosen.reward - rejected.reward))}(beta=0.05)'
      """)

  @Argument(help: "The name of the loss or reward, such as my-loss.")
  var name: String

  @Option(help: "The language it is written in: swift, c or rust.")
  var language: ProjectLanguage

  @Option(help: "What it is: loss or reward.")
  var kind: ProjectKind = .loss

  @Option(
    help: ArgumentHelp(
      "The directory to write, which must not exist or be empty; the name if not given.", valueName: "directory"))
  var directory: String?

  @Option(
    help: ArgumentHelp(
      "A formula with its values, as it may stand in an objective, to write out in Swift.", valueName: "formula"))
  var fromFormula: String?

  @Option(
    help: ArgumentHelp(
      "A checkout of LossKit, or the prefix of an installation; found beside this program if not given.",
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
    try Console.write(
      """
      \(name): a \(kind) in \(language.title), in \(directory): \(files.map(\.path).joined(separator: ", ")).
      Build and test it:   \(shellCommand(["make", "-C", directory, "test"] + makeVariables(sources)))
      Train with it:       \(shellCommand(train))

      """)
  }

  /// What the project's Makefile does not find by itself.
  private func makeVariables(_ sources: LossKitSources) -> [String] {
    let isFound = Executable.isInPath(as: "losskit")
    let command = isFound ? [] : Executable.path.map { ["LOSSKIT=\($0)"] } ?? []
    return command + (language == .swift && losskit != nil ? ["SDK=\(sources.package)"] : [])
  }

  /// A formula as the source of a plugin.
  private func formulaSource(_ text: String, _ names: ProjectNames) throws -> String {
    guard language == .swift else {
      throw Failure("--from-formula: formulas are written out in Swift; add --language swift")
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

/// What a project's component computes.
enum ProjectKind: String, CaseIterable, ExpressibleByArgument {
  case loss, reward
}
