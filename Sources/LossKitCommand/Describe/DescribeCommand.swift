import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitTraining

/// `losskit describe`: all there is to know of a name.
struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Tells all there is to know of a loss, objective, reward or policy.",
    discussion: """
      Hyperparameters with their defaults and bounds, the columns it reads or supplies, its properties and its library; of \
      losses and rewards also the formula and its gradient, as text and in LaTeX. 'losskit list' shows the names. A formula \
      in braces is described as a loss, one behind an '@' as a reward.
      """)

  @Argument(
    help: "The name of a loss, objective, reward or policy, or a formula such as '{square(chosen.reward - 1)}'.",
    completion: .custom(Self.names))
  var name: String

  @Flag(help: "Write JSON: an array with one object for each kind of thing that has the name.")
  var json = false

  @OptionGroup var plugins: PluginOptions

  func run() throws {
    let registry = try plugins.registry()
    let cards =
      name.contains("{")
      ? try blaming(.usage) { [try describedFormula()] } : try blaming(.unavailable) { try describe(in: registry) }
    if json {
      try Console.write(JSONText.array(cards.map(\.json)).indented + "\n")
    } else {
      try Console.write(cards.map(\.text).joined(separator: "\n"))
    }
  }

  private func describedFormula() throws -> Card {
    let isReward = name.first { !$0.isWhitespace } == "@"
    let text = isReward ? String(name.drop { $0.isWhitespace }.dropFirst()) : name
    return try Card(FormulaText(parsing: text, as: isReward ? .reward : .loss).component())
  }

  /// A loss, a reward and a policy may share a name; each gets a card.
  private func describe(in registry: PluginRegistry) throws -> [Card] {
    let listing = registry.listing
    let kinds = listing.entries.filter { $0.name == name && $0.shadowedBy == nil }.map(\.kind)
    guard !kinds.isEmpty else {
      for problem in listing.problems { Console.note("not usable: \(problem.message)") }
      throw Failure(unknownNameMessage(name, kind: "name", known: listing.entries.map(\.name)))
    }
    return try kinds.map { kind in
      switch kind {
      case .loss: try Card(registry.component(named: name, kind: .loss))
      case .reward: try Card(registry.component(named: name, kind: .reward))
      case .policy: try Card(registry.policyType(named: name))
      case .objective: try Card(registry.objective(named: name))
      }
    }
  }

  private static func names(_ arguments: [String], _ index: Int, _ prefix: String) -> [String] {
    let registry = try? PluginOptions.parse([]).registry()
    return registry.map { $0.listing.entries.map(\.name) } ?? []
  }
}
