import ArgumentParser
import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitTraining

/// `losskit describe`: all there is to know of a name.
struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Tells all there is to know of a loss, objective, reward or policy.",
    discussion: """
      Hyperparameters with their defaults and bounds, the columns it reads or supplies, its properties, its relation to others, \
      what it was verified against, and its library; of losses and rewards also the formula and its gradient, as text and in \
      LaTeX. 'losskit list' shows the names. An objective may be written out, too: 'dpo(beta=0.2) + sft @ log-ratio'. A \
      formula in braces is described as a loss, one behind an '@' as a reward.

      --plot draws what a loss does by itself, without a run: the forces on a pair wherever its two responses stand, the loss as \
      contours, where the forces vanish, and where the chosen response is pushed down.

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

  @Flag(help: "Write JSON: an array with one object for each kind of thing that has the name.")
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
      try Console.write(descriptions.map(\.text).joined(separator: "\n"))
    }
  }

  /// A loss, a reward and a policy may share a name; each gets a description. What is no name is an objective.
  private func describe(in registry: PluginRegistry) throws -> [ComponentDescription] {
    if isFormula { return try blaming(.usage) { [try describedFormula(in: registry)] } }
    guard isName else {
      return [ComponentDescription(try resolvedObjective(name, reward: nil, settings: [], in: registry), text: name)]
    }
    return try blaming(.unavailable) { try describeName(in: registry) }
  }

  /// Whether it is one formula, or a reward's behind an '@', not a sum that has formulas in it.
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

  /// The dynamics of the loss or objective. A reward has none by itself, nor has a policy.
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
