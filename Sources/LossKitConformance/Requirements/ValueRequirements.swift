import LossKit
import LossKitRuntime

extension ComponentRequirement {
  /// An ordinary call.
  static let returns = ComponentRequirement(
    name: "returns", summary: "an ordinary call returns, with values and gradients"
  ) { subject in
    var calls = subject.calls
    for responses in subject.responseCounts {
      var call = calls.call(prompts: 16, responses: responses)
      subject.note("values of 16 prompts with \(responses) responses")
      let cotangent = call.cotangent
      call.cotangent = nil
      let values = try subject.run(call)
      try values.checkFinite(call, "")
      subject.note("values and gradients of 16 prompts with \(responses) responses")
      call.cotangent = cotangent
      let whole = try subject.run(call)
      try whole.checkFinite(call, "")
      guard bits(whole.output) == bits(values.output) else {
        throw Failure("the output with gradients differs from the output without; it must not depend on the cotangent")
      }
    }
    return .met("")
  }

  /// Log-ratios of ±1e4, and hyperparameters at their bounds.
  static let finite = ComponentRequirement(
    name: "finite", summary: "values and gradients are finite for log-ratios of ±1e4"
  ) { subject in
    var calls = subject.calls
    var largest = 0.0
    for parameters in calls.parameterSets() + subject.boundarySets {
      var call = calls.call(prompts: 16, responses: min(subject.component.responses.upperBound, 2))
      call.parameters = parameters
      call.takeExtremes([1e4, -1e4, 0, 5e3])
      let result = try subject.run(call)
      let remedy = "; a form such as logSigmoid, softplus or finiteExp does not overflow"
      try result.checkFinite(call, subject.text(parameters), remedy)
      largest = max(largest, result.output.map(\.magnitude).max() ?? 0)
    }
    return .met("largest value \(largest.short)")
  }

  /// Points where the value is undefined.
  static let undefined = ComponentRequirement(
    name: "undefined", summary: "a value that does not exist is an error, not NaN"
  ) { subject in
    var calls = subject.calls
    var errors = 0
    for parameters in calls.parameterSets() {
      for _ in 0..<6 {
        var call = calls.call(prompts: 8)
        call.parameters = parameters
        for name in call.inputs.keys.sorted() {
          call.inputs[name] = call.inputs[name]?.map { _ in
            [0, 1, -1, 0.5, 5, -5, 1e4, -1e4].randomElement(using: &calls.numbers) ?? 0
          }
        }
        do {
          let result = try call.run()
          if let index = result.output.firstIndex(where: \.isNaN) {
            throw Violation("output [\(index)] is NaN and no error is reported; \(call.columnsOf(prompt: index % 8))")
          }
          if let (name, _) = result.gradients.first(where: { $0.value.contains { $0.isNaN } }) {
            throw Violation("the gradient of \(name) contains NaN and no error is reported")
          }
        } catch let failure as Failure {
          errors += 1
          guard !failure.message.isEmpty else { throw Violation("an error was reported without a message") }
          if let prompt = failure.prompt, !(0..<8).contains(prompt) {
            throw Violation("an error names the prompt of index \(prompt), of 8: \(failure.message)")
          }
          // The caller may pass no buffer for the message.
          subject.note("a call that fails, with error NULL")
          call.takesError = false
          do {
            _ = try call.run()
            throw Violation("a call fails when it can report an error, and succeeds when error is NULL")
          } catch is Failure {}
        }
      }
    }
    return .met("\(errors) calls report an error")
  }
}

/// A violation by a component, distinguished from failures that the component reports itself.
struct Violation: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

extension ComponentSubject {
  /// Makes a valid call; throws if it fails.
  func run(_ call: ComponentCall) throws -> ComponentCall.Result {
    do {
      return try call.run()
    } catch let failure as Failure {
      let reason = failure.message.isEmpty ? "no reason given" : failure.message
      throw Failure("an ordinary call fails: \(reason)\(text(call.parameters))")
    }
  }

  /// The defaults with one hyperparameter at a bound of its range.
  var boundarySets: [[Double]] {
    let defaults = component.parameters.map(\.initial)
    return component.parameters.indices.flatMap { index in
      let bounds = component.parameters[index].bounds
      return [bounds.lower, bounds.upper].filter { $0.isFinite && bounds.contains($0) }.map { value in
        var set = defaults
        set[index] = value
        return set
      }
    }
  }
}

extension ComponentCall {
  /// Sets every pairing of the given numbers in the rewards, or log-ratios, of the first and second responses.
  mutating func takeExtremes(_ extremes: [Double]) {
    let values = (0..<responses * prompts).map { row in
      extremes[(row < prompts ? row : row % prompts / extremes.count) % extremes.count]
    }
    if inputs["reward"] != nil { inputs["reward"] = values }
    if let reference = inputs["reference_logp"] {
      if inputs["policy_logp"] != nil { inputs["policy_logp"] = zip(reference, values).map { $0 + $1 } }
    } else if inputs["policy_logp"] != nil {
      inputs["policy_logp"] = values.map { -$0.magnitude }
    }
  }
}

extension Double {
  /// Three significant digits.
  var short: String {
    guard isFinite, self != 0 else { return "\(self)" }
    let text = "\(self)"
    guard let exponent = text.firstIndex(of: "e") else { return String(text.prefix(6)) }
    return String(text[..<exponent].prefix(4) + text[exponent...])
  }
}
