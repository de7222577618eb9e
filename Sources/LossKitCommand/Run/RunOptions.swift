import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitTraining

/// The options that all commands that make runs share; the table of keys parses the others.
struct RunOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("A YAML file with any of the keys; the command line takes precedence.", valueName: "file"))
  var recipe: String?

  @OptionGroup var plugins: PluginOptions

  @Argument(parsing: .allUnrecognized, help: .hidden)
  var rest: [String] = []

  /// The settings of the recipe and the command line, with hyperparameters and policy options resolved, and arguments without an option.
  func settings(_ schema: RunSchema, in registry: PluginRegistry) throws -> (settings: RunSettings, names: [String]) {
    let (commandLine, names) = try blaming(.usage) { try RunSettings.commandLine(rest, schema: schema) }
    if let name = names.first, !schema.isComparison {
      throw CommandFailure(status: .usage, message: "unexpected argument '\(name)'; options begin with --")
    }
    let recipe =
      try self.recipe.map { path in try blaming(.usage) { try RunSettings.recipe(path: path, schema: schema) } }
      ?? RunSettings(schema)
    let reward = commandLine.value(.reward) ?? recipe.value(.reward)
    let own = commandLine.values(.loss) + names
    let texts = own.isEmpty ? recipe.values(.loss) : own
    let parts = try texts.flatMap { try ObjectiveParts($0, reward: reward, in: registry).components }
    let policyName = commandLine.values(.policy).last ?? recipe.value(.policy) ?? RunKey.policy.defaultText
    let policy = try blaming(.unavailable) { try registry.policyType(named: policyName) }
    let hyperparameters = parts.flatMap { $0.parameters.map(\.name) }
    let options = policy.parameters.map(\.name)
    let settings = try blaming(.usage) {
      RunSettings(
        schema, recipe: try recipe.resolved(schema, hyperparameters: hyperparameters, options: options),
        commandLine: try commandLine.resolved(schema, hyperparameters: hyperparameters, options: options))
    }
    return (settings, names)
  }
}
