import LossKit

/// Looks up the names in an objective's text, and binds every hyperparameter.
struct ObjectiveResolution {
  private(set) var terms: [Objective.Term] = []
  private(set) var reward: Objective.Part?

  /// A part whose values are being collected.
  private struct Draft {
    let component: LoadedComponent
    var weight = 1.0
    var values: [Double]
    /// The hyperparameters that were given a value.
    var given: Set<Int> = []

    init(_ component: LoadedComponent, weight: Double = 1) {
      self.component = component
      self.weight = weight
      values = component.parameters.map(\.initial)
    }
  }

  private let registry: PluginRegistry
  private var drafts: [Draft] = []
  private var rewardDraft: Draft?

  init(_ text: String, settings: [Setting], reward: String?, in registry: PluginRegistry) throws {
    self.registry = registry
    let expression = try ObjectiveExpression(parsing: text)
    try add(expression, weight: 1, path: [])
    try chooseReward(reward, expression: expression)
    try apply(settings)
    try check(hasWrittenReward: expression.reward != nil || reward != nil)
    guard drafts.contains(where: { $0.weight != 0 }) else {
      throw Failure("every weight of '\(text)' is 0, and nothing is left to optimize; give one loss a weight above 0")
    }
    terms = drafts.map { Objective.Term(weight: $0.weight, loss: .init(component: $0.component, values: $0.values)) }
    self.reward = rewardDraft.map { .init(component: $0.component, values: $0.values) }
  }

  // MARK: Names

  /// Adds an expression's terms; a named objective is replaced by its expression.
  private mutating func add(_ expression: ObjectiveExpression, weight: Double, path: [String]) throws {
    for term in expression.terms {
      let component = term.component
      guard case .name(let name) = component.body else {
        drafts.append(try Self.formula(component, as: .loss, weight: weight * term.weight, in: expression))
        continue
      }
      switch try registry.term(named: name) {
      case .loss(let loss):
        var draft = Draft(loss, weight: weight * term.weight)
        try Self.assign(component.arguments, to: &draft, in: expression)
        drafts.append(draft)
      case .objective(let objective):
        guard !path.contains(name) else { throw Failure("objective '\(name)' is defined by itself") }
        try expand(objective, component, weight: weight * term.weight, path: path + [name], in: expression)
      }
    }
    if let reward = expression.reward { try setReward(reward, in: expression) }
  }

  private mutating func expand(
    _ objective: LoadedObjective, _ component: ObjectiveExpression.Component, weight: Double, path: [String],
    in expression: ObjectiveExpression
  ) throws {
    let first = drafts.count
    try add(objective.expression, weight: weight, path: path)
    for argument in component.arguments {
      var owners = drafts.indices.dropFirst(first).filter { drafts[$0].component.has(argument.key) }.map(Optional.some)
      if rewardDraft?.component.has(argument.key) == true { owners.append(nil) }
      guard owners.count == 1 else {
        let known =
          drafts.dropFirst(first).flatMap { $0.component.parameters.map(\.name) }
          + (rewardDraft?.component.parameters.map(\.name) ?? [])
        throw expression.failure(
          owners.isEmpty
            ? unknownNameMessage(argument.key, kind: "hyperparameter of \(objective.name)", known: known)
            : "several parts of \(objective.name) have '\(argument.key)'; write its expression out: \(objective.expression)",
          at: argument.keyColumn)
      }
      if let index = owners[0] {
        try Self.assign([argument], to: &drafts[index], in: expression)
      } else if var draft = rewardDraft {
        try Self.assign([argument], to: &draft, in: expression)
        rewardDraft = draft
      }
    }
  }

  private mutating func setReward(
    _ component: ObjectiveExpression.Component, in expression: ObjectiveExpression
  ) throws {
    if let other = rewardDraft {
      throw expression.failure(
        "the reward '\(component.name)' cannot be combined with '\(other.component.name)': an objective has one parameterization",
        at: component.column)
    }
    guard case .name(let name) = component.body else {
      rewardDraft = try Self.formula(component, as: .reward, in: expression)
      return
    }
    var draft = Draft(try registry.component(named: name, kind: .reward))
    try Self.assign(component.arguments, to: &draft, in: expression)
    rewardDraft = draft
  }

  /// A component that is written as a formula, with the values of all its hyperparameters.
  private static func formula(
    _ component: ObjectiveExpression.Component, as kind: LoadedComponent.Kind, weight: Double = 1,
    in expression: ObjectiveExpression
  ) throws -> Draft {
    var draft = Draft(try FormulaText(component, as: kind, in: expression).component(), weight: weight)
    draft.given = Set(draft.values.indices)
    return draft
  }

  // MARK: Values

  private static func assign(
    _ arguments: [ObjectiveExpression.Argument], to draft: inout Draft, in expression: ObjectiveExpression
  ) throws {
    for argument in arguments {
      guard let index = draft.component.parameters.firstIndex(where: { $0.name == argument.key }) else {
        let message = unknownNameMessage(
          argument.key, kind: "hyperparameter of \(draft.component.name)", known: draft.component.parameters.map(\.name)
        )
        throw expression.failure(message, at: argument.keyColumn)
      }
      do {
        draft.values[index] = try draft.component.parameters[index].parse(argument.value.description)
      } catch {
        throw expression.failure("\(error)", at: argument.valueColumn)
      }
      draft.given.insert(index)
    }
  }

  private mutating func apply(_ settings: [Setting]) throws {
    var all = drafts
    if let rewardDraft { all.append(rewardDraft) }
    let targets = all.map { SettingTarget(name: $0.component.name, parameters: $0.component.parameters) }
    for assignment in try Setting.assignments(settings, among: targets) {
      let draft = all[assignment.target]
      let name = draft.component.parameters[assignment.parameter].name
      guard !draft.given.contains(assignment.parameter) else {
        throw Failure(
          "'\(name)' of \(draft.component.name) is set in the objective and once more as a setting; set it once")
      }
      all[assignment.target].values[assignment.parameter] = assignment.value
    }
    if rewardDraft != nil { rewardDraft = all.removeLast() }
    drafts = all
  }

  // MARK: The parameterization

  private mutating func chooseReward(_ name: String?, expression: ObjectiveExpression) throws {
    if let name {
      let component = try ObjectiveExpression(parsing: name)
      guard component.terms.count == 1, component.terms[0].weight == 1, component.reward == nil else {
        throw Failure("'\(name)' is not one parameterization")
      }
      return try setReward(component.terms[0].component, in: component)
    }
    if rewardDraft != nil { return }
    let defaults = drafts.compactMap { draft in draft.component.defaultReward.map { (draft.component, $0) } }
    guard let first = defaults.first else { return }
    if let other = defaults.first(where: { $0.1 != first.1 }) {
      throw Failure(
        "\(first.0.name) goes by '\(first.1)', \(other.0.name) by '\(other.1)': name one parameterization for both, "
          + "as in '\(expression) @ \(first.1)'")
    }
    rewardDraft = try registry.defaultReward(of: first.0).map { Draft($0) }
  }

  private func check(hasWrittenReward: Bool) throws {
    let readers = drafts.filter { draft in draft.component.inputs.contains { $0.name.hasSuffix(Column.reward.name) } }
    guard let reward = rewardDraft?.component else { return }
    // If no loss reads it, a reward may only repeat the one that metrics report.
    let isReported = drafts.contains { $0.component.defaultReward == reward.name }
    if hasWrittenReward, readers.isEmpty, !isReported {
      let names = drafts.map(\.component.name).joined(separator: " and ")
      throw Failure("\(names) reads no reward: '@ \(reward.name)' would change nothing; leave it out")
    }
  }
}

extension LoadedComponent {
  fileprivate func has(_ parameter: String) -> Bool { parameters.contains { $0.name == parameter } }
}
