import LossKit
import LossKitRuntime

extension ComponentRequirement {
  /// The flag rowwise, which every reward without random numbers has.
  static let rowwise = ComponentRequirement(
    name: "rowwise", summary: "if declared: a prompt's output depends on that prompt alone"
  ) { subject in
    guard subject.component.isRowwise else { return .notTested("it does not declare itself rowwise") }
    var calls = subject.calls
    for parameters in calls.parameterSets() {
      var call = calls.call(prompts: 300)
      call.parameters = parameters
      let whole = try subject.run(call)
      for kept in [Array(0..<1), Array(1..<120), Array(120..<300)] {
        try subject.expect(call.of(prompts: kept), gives: whole, of: call, at: kept, "for a part of the batch")
      }
      let order = Array(0..<300).shuffled(using: &calls.numbers)
      try subject.expect(call.of(prompts: order), gives: whole, of: call, at: order, "for the prompts in another order")
    }
    return .met("")
  }

  /// The flag shift-invariant of a loss.
  static let shiftInvariant = ComponentRequirement(
    name: "shift-invariant", summary: "if declared: a constant added to all rewards of a prompt changes nothing"
  ) { subject in
    guard subject.component.isShiftInvariant else { return .notTested("it does not declare itself shift-invariant") }
    var calls = subject.calls
    var worst = 0.0
    for parameters in calls.parameterSets() {
      var call = calls.call(prompts: 50)
      call.parameters = parameters
      guard let reward = call.inputs["reward"] else { return .notTested("it reads no reward") }
      let before = try subject.run(call)
      let shifts = calls.numbers.normals(50, deviation: 40)
      call.inputs["reward"] = reward.indices.map { reward[$0] + shifts[$0 % 50] }
      let after = try subject.run(call)
      let errors = [
        worstError(after.output, before.output),
        worstError(after.gradients["reward"] ?? [], before.gradients["reward"] ?? []),
      ]
      worst = max(worst, errors.max() ?? 0)
      // Numeric gradients magnify the rounding of the values.
      let gradientTolerance = subject.component.hasNumericGradient ? 1e-7 : 1e-11
      guard errors[0] < 1e-11, worst < gradientTolerance else {
        let what = errors[0] < 1e-11 ? "the gradient" : "the output"
        throw Failure("\(what) changes by \(worst.short) when rewards are shifted\(subject.text(parameters))")
      }
    }
    return .met("worst change \(worst.short)")
  }

  /// The flag zero-at-reference of a reward.
  static let zeroAtReference = ComponentRequirement(
    name: "zero-at-reference", summary: "if declared: the reward is 0 where the policy equals the reference"
  ) { subject in
    guard subject.component.isZeroAtReference else {
      return .notTested("it does not declare itself zero at the reference")
    }
    var calls = subject.calls
    var worst = 0.0
    for parameters in calls.parameterSets() {
      var call = calls.call(prompts: 50)
      call.parameters = parameters
      for (reference, policy) in [
        ("reference_logp", "policy_logp"), ("reference_token_logp", "policy_token_logp"),
      ] {
        guard call.inputs[reference] != nil, let values = call.inputs[policy] else { continue }
        call.inputs[reference] = (0..<call.references).flatMap { _ in values }
      }
      let output = try subject.run(call).output
      worst = max(worst, output.map(\.magnitude).max() ?? 0)
      if let row = output.firstIndex(where: { !($0.magnitude < 1e-12) }) {
        throw Failure("the reward is \(output[row]) where the policy equals the reference\(subject.text(parameters))")
      }
    }
    return .met("worst value \(worst.short)")
  }
}

extension ComponentSubject {
  fileprivate func expect(
    _ part: ComponentCall, gives whole: ComponentCall.Result, of call: ComponentCall, at kept: [Int],
    _ condition: String
  ) throws {
    let expected = ComponentCall.Result(
      output: call.pick(kept, of: whole.output, per: call.outputExtent),
      gradients: whole.gradients.reduce(into: [:]) { $0[$1.key] = call.pick(kept, ofColumn: $1.key, $1.value) },
      state: whole.state)
    try expect(part, gives: expected, condition)
  }
}
