import LossKit
package import LossKitRuntime

/// Makes calls of a component with columns as a policy may supply them.
package struct RandomCalls {
  /// The component under test.
  package let component: LoadedComponent
  /// The random numbers.
  package var numbers: SeededNumbers

  /// Calls determined by a seed.
  package init(_ component: LoadedComponent, seed: UInt64) {
    self.component = component
    numbers = SeededNumbers(seed: seed)
  }

  /// The hyperparameters, with every combination of choices and Booleans and random values of the others.
  package mutating func parameterSets() -> [[Double]] {
    var sets = [component.parameters.map { $0.initial }]
    for (index, parameter) in component.parameters.enumerated() {
      switch parameter.kind {
      case .boolean, .choice:
        sets = sets.flatMap { set in
          (0...Int(parameter.bounds.upper)).map { value in
            var copy = set
            copy[index] = Double(value)
            return copy
          }
        }
      case .real, .integer:
        for set in sets.indices { sets[set][index] = random(parameter) }
      }
    }
    return sets
  }

  private mutating func random(_ parameter: ParameterDescription) -> Double {
    let bounds = parameter.bounds
    if parameter.kind == .integer { return parameter.initial }
    if bounds.lower.isFinite, bounds.upper.isFinite {
      return bounds.lower + (bounds.upper - bounds.lower) * numbers.uniform(0.1...0.9)
    }
    let value = parameter.initial == 0 ? numbers.uniform(0.1...1) : parameter.initial * numbers.uniform(0.5...3)
    return bounds.contains(value) ? value : parameter.initial
  }

  /// A call with random columns. `responses`: K, or nil for one that the component accepts.
  package mutating func call(prompts: Int, responses: Int? = nil, counts: [UInt32]? = nil) -> ComponentCall {
    let range = component.responses
    let most = min(range.upperBound, max(range.lowerBound, 4))
    let count = responses ?? Int.random(in: range.lowerBound...most, using: &numbers)
    var call = ComponentCall(
      component.descriptor, prompts: prompts, responses: count, references: max(component.references.lowerBound, 1))
    call.counts = counts
    if component.inputs.contains(where: { $0.extent == .token }) {
      call.tokenOffsets = (0..<call.withShape(\.rows)).reduce(into: [0]) { offsets, _ in
        offsets.append((offsets.last ?? 0) + Int.random(in: 1...5, using: &numbers))
      }
    }
    for (name, column) in call.columns {
      call.inputs[name] = (0..<call.count(of: column)).map { _ in value(of: name) }
    }
    if call.inputs["score"] != nil { call.inputs["score"] = numbers.scores(prompts: prompts, responses: count) }
    call.cotangent = numbers.normals(call.outputCount)
    call.seed = numbers.next()
    return call
  }

  private mutating func value(of column: String) -> Double {
    switch column {
    case "token_count": Double(Int.random(in: 1...200, using: &numbers))
    case "label": Double(Int.random(in: 0...1, using: &numbers))
    case let name where name.hasSuffix("token_logp"): -numbers.uniform(0.01...6)
    case let name where name.hasSuffix("logp"): numbers.normal(mean: -60, deviation: 4)
    default: numbers.normal(deviation: 3)
    }
  }
}

extension SeededNumbers {
  /// Scores of responses as in data: the best first, and positive, because a method may take their ratio.
  package mutating func scores(prompts: Int, responses: Int) -> [Double] {
    let rows = (0..<prompts).map { _ in (0..<responses).map { _ in uniform(0.1...9) }.sorted(by: >) }
    return (0..<responses).flatMap { rank in rows.map { $0[rank] } }
  }
}
