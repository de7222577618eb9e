import LossKit

/// A component or a policy whose hyperparameters can be set.
public struct SettingTarget: Sendable {
  /// Its name in settings.
  public let name: String
  /// Its hyperparameters.
  public let parameters: [ParameterDescription]

  /// Creates a target of settings.
  public init(name: String, parameters: [ParameterDescription]) {
    self.name = name
    self.parameters = parameters
  }
}

extension Setting {
  /// The target of a setting, and its value.
  public struct Assignment: Sendable, Equatable {
    /// The index of the target.
    public let target: Int
    /// The index of the hyperparameter within the target.
    public let parameter: Int
    /// The value, checked against the bounds.
    public let value: Double
  }

  /// Finds the hyperparameter that each setting refers to.
  ///
  /// Throws for a component or hyperparameter that does not exist (with the nearest names), for a hyperparameter that
  /// several targets have or that is set twice, and for an invalid value.
  public static func assignments(_ settings: [Setting], among targets: [SettingTarget]) throws -> [Assignment] {
    var assignments: [Assignment] = []
    for setting in settings {
      let assignment = try setting.assignment(among: targets)
      guard !assignments.contains(where: { $0.target == assignment.target && $0.parameter == assignment.parameter })
      else {
        throw Failure("setting '\(setting)': '\(setting.key)' of \(targets[assignment.target].name) is set twice")
      }
      assignments.append(assignment)
    }
    return assignments
  }

  private func assignment(among targets: [SettingTarget]) throws -> Assignment {
    let named = targets.indices.filter { component == nil || targets[$0].name == component }
    if let component, named.isEmpty {
      throw failure(unknownNameMessage(component, kind: "component", known: targets.map(\.name)))
    }
    let places = named.flatMap { target in
      targets[target].parameters.indices.filter { targets[target].parameters[$0].name == key }.map { (target, $0) }
    }
    guard let (target, parameter) = places.first else {
      let known = named.flatMap { targets[$0].parameters.map(\.name) }
      throw failure(unknownNameMessage(key, kind: "hyperparameter", known: known))
    }
    guard places.count == 1 else { throw ambiguity(places.map { targets[$0.0].name }) }
    do {
      let value = try targets[target].parameters[parameter].parse(value.description)
      return Assignment(target: target, parameter: parameter, value: value)
    } catch {
      throw failure("\(error)")
    }
  }

  private func ambiguity(_ names: [String]) -> Failure {
    let distinct = Set(names).sorted()
    guard distinct.count == names.count else {
      return failure("several terms of one name have it; give the value in the objective itself")
    }
    let ways = distinct.map { "\($0).\(key)=\(value)" }.joined(separator: " or ")
    return failure("\(distinct.joined(separator: " and ")) have it; write \(ways)")
  }

  private func failure(_ problem: String) -> Failure { Failure("setting '\(self)': \(problem)") }
}
