import CLossKit
import LossKit
import LossKitRuntime

extension ComponentRequirement {
  /// The exported formula, evaluated by the host, agrees with `compute`.
  static let formula = ComponentRequirement(
    name: "formula", summary: "the formula, if exported, agrees with compute; unknown extensions are NULL"
  ) { subject in
    let component = subject.component
    for id in ["", formulaExtensionID + "x", "losskit.unknown/1"] where component.extensionPointer(id) != nil {
      throw Failure("its function extension returns something for the unknown id '\(id)'; it must return NULL")
    }
    guard component.extensionPointer(formulaExtensionID) != nil else { return .notTested("it exports no formula") }
    var calls = subject.calls
    var worst = 0.0
    for parameters in calls.parameterSets() {
      var whole = calls.call(prompts: 50)
      whole.parameters = parameters
      let counts = (0..<20).map { _ in UInt32(Int.random(in: subject.responseCounts, using: &calls.numbers)) }
      var mixed = calls.call(prompts: 20, responses: subject.responseCounts.upperBound, counts: counts)
      mixed.parameters = parameters
      for call in [whole, mixed] {
        subject.note("the formula for \(call.responses) responses")
        guard try subject.hasKnownFormula(call) else {
          return .notTested("its formula uses operations that this version does not know")
        }
        let found = try subject.run(call)
        let expected = try FormulaRun(component).result(of: call)
        var parts = [("output", found.output, expected.output), ("state", found.state, expected.state)]
        parts += found.gradients.sorted { $0.key < $1.key }
          .map { ("gradient of \($0)", $1, expected.gradients[$0] ?? []) }
        for (name, values, others) in parts {
          let error = worstError(values, others)
          worst = max(worst, error)
          guard error <= 1e-10 else {
            throw Failure("compute and formula differ: \(name) by \(error.short)\(subject.text(parameters))")
          }
        }
      }
    }
    return .met("worst difference \(worst.short)")
  }
}

extension ComponentSubject {
  fileprivate func hasKnownFormula(_ call: ComponentCall) throws -> Bool {
    try Set(call.counts?.map(Int.init) ?? [call.responses]).allSatisfy { responses in
      try component.formula(responses: responses, references: call.references, values: call.parameters) != nil
    }
  }
}

/// Evaluates calls by a component's formula.
private struct FormulaRun {
  let component: LoadedComponent

  init(_ component: LoadedComponent) { self.component = component }

  /// The result of a call by the formula.
  func result(of call: ComponentCall) throws -> ComponentCall.Result {
    let component = component
    let evaluator = GraphEvaluator(
      name: component.name, kind: component.kind == .loss ? .loss : .reward, columns: component.inputs,
      stateCount: component.stateNames.count, isStructural: component.parameters.map { $0.kind != .real },
      trace: { responses, references, values in
        guard let graph = try component.formula(responses: responses, references: references, values: values) else {
          throw Failure("it exports no formula for \(responses) responses")
        }
        guard graph.outputs.count == (component.kind == .loss || graph.rows == .token ? 1 : responses) else {
          throw Failure("its formula for \(responses) responses has \(graph.outputs.count) outputs")
        }
        return graph
      })
    return try call.run { frame in try FrameEvaluation(evaluator, frame).run() }
  }
}
