import ArgumentParser
import LossKit
import LossKitRuntime

/// The options for an objective.
struct ObjectiveOptions: ParsableArguments {
  @Option(
    name: .customLong("loss"),
    help: ArgumentHelp(
      "What is optimized: a loss by name, a formula in braces, or a sum such as 'dpo(beta=0.1) + 0.2*sft @ log-ratio'.",
      valueName: "objective"))
  var loss: String

  @Option(
    help: ArgumentHelp(
      "The reward parameterization, if the objective names none; each loss has a default.", valueName: "name"))
  var reward: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      """
      The value of a hyperparameter; 'dpo.beta=0.1' where several parts have one of that name. May be given several times; \
      'losskit describe' shows names, defaults and bounds.
      """, valueName: "name=value"))
  var settings: [String] = []

  func objective(in registry: PluginRegistry) throws -> Objective {
    try resolvedObjective(loss, reward: reward, settings: settings, in: registry)
  }
}

/// Resolves an objective. An invalid text is a usage error; an unknown name is an unavailable plugin.
func resolvedObjective(
  _ text: String, reward: String?, settings: [String], in registry: PluginRegistry
) throws -> Objective {
  let settings = try blaming(.usage) { try settings.map { try Setting(parsing: $0) } }
  _ = try ObjectiveParts(text, reward: reward, in: registry)
  return try blaming(.usage) { try Objective(text, settings: settings, reward: reward, in: registry) }
}
