import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitTraining

/// The options that name a model: a policy and what to load.
struct ModelOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The policy by name.", valueName: "name"))
  var policy = RunKey.policy.defaultText

  @Option(name: .customLong(RunKey.start.option), help: ArgumentHelp("The model to load.", valueName: "directory"))
  var path: String?

  @Option(
    name: .customLong(RunKey.policySet.option),
    help: ArgumentHelp("An option of the policy; 'losskit describe' shows them.", valueName: "name=value"))
  var policySet: [String] = []

  /// Loads the model, or another one of the same policy.
  func load(_ other: String? = nil, in registry: PluginRegistry) throws -> PolicyInstance {
    guard let path = other ?? path else {
      throw CommandFailure(
        status: .usage, message: "no model is named; write --\(RunKey.start.option) DIRECTORY")
    }
    let type = try blaming(.unavailable) { try registry.policyType(named: policy) }
    let options = try blaming(.usage) { try type.options(policySet) }
    return try blaming(.data) { try type.load(path: path, options: options) }
  }
}

extension LoadedPolicyType {
  /// The values of options, from `name=value`. Throws for a name it does not have, a value out of bounds, and a name set twice.
  func options(_ assignments: [String]) throws -> [String: Double] {
    let target = SettingTarget(name: name, parameters: parameters)
    let resolved = try Setting.assignments(assignments.map { try Setting(parsing: $0) }, among: [target])
    return Dictionary(uniqueKeysWithValues: resolved.map { (parameters[$0.parameter].name, $0.value) })
  }
}
