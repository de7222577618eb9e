import LossKit
import LossKitRuntime

/// An objective of a comparison, before it is resolved.
struct ComparedObjective {
  /// Its text.
  let text: String
  private let components: [LoadedComponent]

  init(_ text: String, reward: String?, in registry: PluginRegistry) throws {
    self.text = text
    components = try ObjectiveParts(text, reward: reward, in: registry).components
  }

  /// Whether `name` refers to this objective: it is its text, or one of its losses.
  func isCalled(_ name: String) -> Bool {
    text == name || components.contains { $0.kind == .loss && $0.name == name }
  }

  /// Whether the objective has the hyperparameter of a setting. A formula states its own values.
  func takes(_ setting: Setting) -> Bool {
    components.contains { component in
      component.text == nil && (setting.component == nil || setting.component == component.name)
        && component.parameters.contains { $0.name == setting.key }
    }
  }

  /// The labels of objectives in tables and pictures: names alone if these are distinct, otherwise the whole texts.
  static func labels(of texts: [String]) throws -> [String] {
    let short = try texts.map { text in
      let expression = try ObjectiveExpression(parsing: text)
      let terms = expression.terms.map { $0.component.name }.joined(separator: " + ")
      return terms + (expression.reward.map { " @ \($0.name)" } ?? "")
    }
    return Set(short).count == short.count ? short : texts
  }

  /// Throws for a setting that none of the objectives has, with the nearest hyperparameters.
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
