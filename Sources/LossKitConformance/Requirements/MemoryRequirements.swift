import LossKit
import LossKitRuntime

extension ComponentRequirement {
  /// A component reads only what is declared and passed. A read outside hits an inaccessible page.
  static let reads = ComponentRequirement(
    name: "reads", summary: "it reads nothing beyond the columns it declared, the hyperparameters and its state"
  ) { subject in
    var tried = 0
    try subject.forEachShape { call in
      var call = call
      for array in call.readArrays {
        for side in CallPlacement.Side.allCases {
          subject.note("a call with inaccessible memory \(side) \(array)")
          call.placement = .guardingInput(array, side)
          _ = try subject.run(call)
          tried += 1
        }
      }
      try subject.checkAbsentColumns(call)
    }
    return .met("\(tried) guarded calls")
  }

  /// A component writes only output, gradients and state, and writes them completely.
  static let writes = ComponentRequirement(
    name: "writes", summary: "it writes its output, gradients and state, completely, and nothing else"
  ) { subject in
    try subject.forEachShape { call in
      var call = call
      for side in CallPlacement.Side.allCases {
        subject.note(
          "a call with inaccessible memory \(side) output, gradients and state, and write-protected columns")
        call.placement = .guardingOutputs(side)
        _ = try subject.run(call)
      }
      call.placement = .apart(shift: 0)
      let first = try subject.run(call)
      call.fill = 12345
      let second = try subject.run(call)
      if let difference = second.difference(from: first) {
        throw Failure("the previous contents of an output show in the result: \(difference)")
      }
      for name in first.gradients.keys.sorted() {
        subject.note("a call without the gradient of \(name)")
        call.unwanted = [name]
        var expected = first
        expected.gradients[name] = nil
        try subject.expect(call, gives: expected, "without the gradient of \(name)")
      }
      subject.note("a call for values only")
      call.unwanted = []
      call.cotangent = nil
      let values = ComponentCall.Result(output: first.output, gradients: [:], state: first.state)
      try subject.expect(call, gives: values, "without gradients")
    }
    return .met("")
  }
}

extension ComponentSubject {
  /// Small calls of every form: full rankings, and rankings of different lengths.
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

  /// Optional columns may be NULL. If the component needs one for these hyperparameters, it reports an error.
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
        throw Failure("without the optional column '\(column.name)' it fails without a message")
      }
      try result.checkFinite(lacking, " without the optional column '\(column.name)'")
    }
  }
}
