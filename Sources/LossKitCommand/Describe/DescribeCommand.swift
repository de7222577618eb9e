import ArgumentParser
import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitTraining

/// `losskit describe`: the full description of a name.
struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Describes a loss, objective, reward or policy.",
    discussion: """
      The description has hyperparameters with defaults and bounds, the columns that are read or supplied, properties, related \
      methods, verification and library; for losses and rewards also the formula and its gradient, as text and in \
      LaTeX. 'losskit list' shows the names. An objective may be written out: 'dpo(beta=0.2) + sft @ log-ratio'. A \
      formula in braces is described as a loss, a formula after '@' as a reward.

      --plot draws the dynamics of a loss by itself, without a run: the forces on the two responses of a pair, the loss as \
      contours, the points without forces, and the region where the chosen response is pushed down.

      EXAMPLES
        losskit describe cal-dpo
        losskit describe cal-dpo --plot cal-dpo.svg
        losskit describe 'dpo @ forward-kl' --plot forward-kl.svg
      """)

  @Argument(
    help: """
      The name of a loss, objective, reward or policy, an objective written out, or a formula such as \
      '{square(chosen.reward - 1)}'.
      """,
    completion: .custom(Self.names))
  var name: String

  @Option(
    help: ArgumentHelp(
      "Write the dynamics of the loss to this SVG file; '-' writes them, and nothing else, to standard output.",
      valueName: "file"), completion: .file(extensions: ["svg"]))
  var plot: String?

  @Flag(help: "Write JSON: an array with one object per loss, objective, reward or policy of the name.")
  var json = false

  @OptionGroup var plugins: PluginOptions

  func run() throws {
    let registry = try plugins.registry()
    let descriptions = try describe(in: registry)
    if let plot {
      let picture = try picture(in: registry)
      try Console.write(picture.svg, to: plot)
      if plot == "-" { return }
      Console.note("the dynamics are in \(plot)")
    }
    if json {
      try Console.write(JSONValue.array(descriptions.map(\.json)).indented + "\n")
    } else {
      try Console.show(descriptions.map(\.text).joined(separator: "\n"))
    }
  }

  /// The descriptions of a name, which a loss, a reward and a policy may share. Anything else is an objective.
  private func describe(in registry: PluginRegistry) throws -> [ComponentDescription] {
    if isFormula { return try blaming(.usage) { [try describedFormula(in: registry)] } }
    guard isName else {
      return [ComponentDescription(try resolvedObjective(name, reward: nil, settings: [], in: registry), text: name)]
    }
    return try blaming(.unavailable) { try describeName(in: registry) }
  }

  /// Whether the text is a single formula, or '@' and a reward's formula, and not a sum that contains formulas.
  private var isFormula: Bool {
    guard name.contains("{") else { return false }
    guard let expression = try? ObjectiveExpression(parsing: name), let term = expression.terms.first else {
      return true
    }
    guard case .formula = term.component.body else { return false }
    return expression.terms.count == 1 && term.weight == 1 && expression.reward == nil
  }

  private func describedFormula(in registry: PluginRegistry) throws -> ComponentDescription {
    let isReward = name.first { !$0.isWhitespace } == "@"
    let text = isReward ? String(name.drop { $0.isWhitespace }.dropFirst()) : name
    return try ComponentDescription(
      FormulaText(parsing: text, as: isReward ? .reward : .loss).component(), text: text, in: registry)
  }

  private var isName: Bool { name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "-" } }

  /// The dynamics of the loss or objective. Rewards and policies have none by themselves.
  private func picture(in registry: PluginRegistry) throws -> DynamicsPicture {
    let terms = registry.listing.entries.filter { $0.name == name && ($0.kind == .loss || $0.kind == .objective) }
    if isName, terms.isEmpty {
      let isReward = registry.listing.entries.contains { $0.name == name && $0.kind == .reward }
      throw CommandFailure(
        status: .usage,
        message: "--plot: '\(name)' is not a loss and has no dynamics by itself"
          + (isReward ? "; plot a loss over it, such as 'dpo @ \(name)'" : "; name a loss or an objective"))
    }
    let objective = try resolvedObjective(name, reward: nil, settings: [], in: registry)
    return try blaming(.usage) { try DynamicsPicture(of: objective, title: name) }
  }

  private func describeName(in registry: PluginRegistry) throws -> [ComponentDescription] {
    let listing = registry.listing
    if !listing.entries.contains(where: { $0.name == name }) {
      for problem in listing.problems { Console.note("not usable: \(problem.message)") }
    }
    return try registry.descriptions(named: name)
  }

  private static func names(_ arguments: [String], _ index: Int, _ prefix: String) -> [String] {
    let registry = try? PluginOptions.parse([]).registry()
    return registry.map { $0.listing.entries.map(\.name) } ?? []
  }
}
