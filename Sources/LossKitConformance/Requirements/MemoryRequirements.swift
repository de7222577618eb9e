import LossKit
import LossKitRuntime

extension ComponentRequirement {
  /// Nothing is read but what is declared and passed. Whoever reads beyond meets an inaccessible page.
  static let reads = ComponentRequirement(
    name: "reads", summary: "it reads nothing beyond the columns it declared, the hyperparameters and its state"
  ) { subject in
    var tried = 0
    try subject.forEachShape { call in
      var call = call
      for array in call.readArrays {
        for side in CallPlacement.Side.allCases {
          subject.note("a call in which what lies \(side) \(array) cannot be read")
          call.placement = .guardingInput(array, side)
          _ = try subject.run(call)
          tried += 1
        }
      }
      try subject.checkAbsentColumns(call)
    }
    return .met("\(tried) guarded calls")
  }

  /// Nothing is written but output, gradients and state, and those completely.
  static let writes = ComponentRequirement(
    name: "writes", summary: "it writes its output, gradients and state, completely, and nothing else"
  ) { subject in
    try subject.forEachShape { call in
      var call = call
      for side in CallPlacement.Side.allCases {
        subject.note(
          "a call in which what lies \(side) output, gradients and state cannot be written, nor any column it reads")
        call.placement = .guardingOutputs(side)
        _ = try subject.run(call)
      }
      call.placement = .apart(shift: 0)
      let first = try subject.run(call)
      call.fill = 12345
      let second = try subject.run(call)
      if let difference = second.difference(from: first) {
        throw Failure("what lay in an output before the call shows in the result: \(difference)")
      }
      for name in first.gradients.keys.sorted() {
        subject.note("a call that asks for no gradient of \(name)")
        call.unwanted = [name]
        var expected = first
        expected.gradients[name] = nil
        try subject.expect(call, gives: expected, "without the gradient of \(name)")
      }
      subject.note("a call that asks for values only")
      call.unwanted = []
      call.cotangent = nil
      let values = ComponentCall.Result(output: first.output, gradients: [:], state: first.state)
      try subject.expect(call, gives: values, "without gradients")
    }
    return .met("")
  }
}

extension ComponentSubject {
  /// Small calls of every form: of full rankings, and of such as differ in length.
  fileprivate func forEachShape(_ body: (ComponentCall) throws -> Void) throws {
    var calls = calls
    for parameters in calls.parameterSets().prefix(8) {
      var whole = calls.call(prompts: 7)
      whole.parameters = parameters
      try body(whole)
      guard responseCounts.count > 1 else { continue }
      let counts = (0..<7).map { _ in UInt32(Int.random(in: responseCounts, using: &calls.numbers)) }
      var mixed = calls.call(prompts: 7, responses: responseCounts.upperBound, counts: counts)
      mixed.parameters = parameters
      try body(mixed)
    }
  }

  /// Optional columns may be NULL. Where the component cannot do without for these hyperparameters, it says so.
  fileprivate func checkAbsentColumns(_ call: ComponentCall) throws {
    for column in component.inputs where column.isOptional {
      var lacking = call
      lacking.placement = .apart(shift: 0)
      lacking.inputs[column.name] = nil
      note("a call without the optional column '\(column.name)'")
      let result: ComponentCall.Result
      do {
        result = try lacking.run()
      } catch let failure as Failure {
        if !failure.message.isEmpty { continue }
        throw Failure("without the optional column '\(column.name)' it fails and gives no reason")
      }
      try result.checkFinite(lacking, " without the optional column '\(column.name)'")
    }
  }
}
