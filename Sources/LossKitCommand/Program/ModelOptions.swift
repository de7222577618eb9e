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
    let options = try blaming(.usage) {
      let settings = try policySet.map { try Setting(parsing: $0) }
      let target = SettingTarget(name: type.name, parameters: type.parameters)
      let assignments = try Setting.assignments(settings, among: [target])
      return Dictionary(
        assignments.map { (type.parameters[$0.parameter].name, $0.value) }, uniquingKeysWith: { _, last in last })
    }
    return try blaming(.data) { try type.load(path: path, options: options) }
  }
}
