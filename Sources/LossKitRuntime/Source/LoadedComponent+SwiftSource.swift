import LossKit
import LossKitSource

extension LoadedComponent {
  /// The component as the Swift source of a plugin: one file with the type, its formula and the function that exports it.
  ///
  /// Integers, Booleans and choices have their defaults. A loss of rankings is written only for its least number of
  /// responses. `name` is the name it will have, in kebab case, `typeName` that of the Swift type. Throws for a
  /// component that exports no formula, and for one that cannot be written as a function of one response.
  public func swiftSource(name: String, typeName: String, summary: String) throws -> String {
    guard NameRule.isComponentName(name) else { throw Failure("'\(name)' is not a name; \(NameRule.componentRule)") }
    guard let first = typeName.first, first.isLetter, typeName.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
    else { throw Failure("'\(typeName)' is not the name of a type; letters and digits are, a letter first") }
    let summary = summary.split(whereSeparator: \.isNewline).joined(separator: " ")
    let count = kind == .reward ? max(responses.lowerBound, 1) : min(max(responses.lowerBound, 2), responses.upperBound)
    let graph = try formula(
      responses: count, references: max(references.lowerBound, 1), values: parameters.map(\.initial))
    guard let graph else { throw Failure("\(self.name): its library exports no formula to write down") }
    let values = parameters.map {
      SwiftSource.Value(
        name: $0.name, initial: $0.initial, bounds: $0.bounds, summary: $0.summary, isRewardScale: $0.isRewardScale)
    }
    let source = try SwiftSource(
      graph, kind: kind == .loss ? .loss : .reward, columns: inputs, parameters: values,
      states: zip(stateNames, initialState).map { SwiftSource.Value(name: $0, initial: $1) },
      defaultReward: defaultReward)
    return source.file(name: name, typeName: typeName, summary: summary)
  }
}
