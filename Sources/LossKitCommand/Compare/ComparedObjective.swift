import LossKit
import LossKitRuntime

/// One of the objectives of a comparison, before it is resolved.
struct ComparedObjective {
  /// Its text, by which tables and pictures call it.
  let label: String
  private let components: [LoadedComponent]

  init(_ text: String, reward: String?, in registry: PluginRegistry) throws {
    label = text
    components = try ObjectiveParts(text, reward: reward, in: registry).components
  }

  /// Whether `name` calls this objective: its text, or one of its losses.
  func isCalled(_ name: String) -> Bool {
    label == name || components.contains { $0.kind == .loss && $0.name == name }
  }

  /// Whether it has the hyperparameter that a setting is for.
  func takes(_ setting: Setting) -> Bool {
    components.contains { component in
      (setting.component == nil || setting.component == component.name)
        && component.parameters.contains { $0.name == setting.key }
    }
  }

  /// Throws for a setting that none of the objectives takes, with the nearest hyperparameters.
  static func checkAllTaken(_ settings: [String], by objectives: [ComparedObjective]) throws {
    for text in settings {
      let setting = try Setting(parsing: text)
      guard !objectives.contains(where: { $0.takes(setting) }) else { continue }
      let components = objectives.flatMap(\.components)
      if let name = setting.component, !components.contains(where: { $0.name == name }) {
        throw Failure(
          "setting '\(text)': " + unknownNameMessage(name, kind: "component", known: components.map(\.name)))
      }
      let known = components.filter { setting.component == nil || setting.component == $0.name }
        .flatMap { $0.parameters.map(\.name) }
      throw Failure("setting '\(text)': " + unknownNameMessage(setting.key, kind: "hyperparameter", known: known))
    }
  }
}
