package import LossKitRuntime

/// What a test found, where it found no fault.
package enum Verdict: Sendable, Equatable {
  /// The requirement is met; what was measured on the way, in words.
  case met(String)
  /// The requirement is violated in a way that a method may intend; how.
  case warning(String)
  /// There was nothing to test; the reason.
  case notTested(String)
}

/// A requirement on losses and reward parameterizations, and its test, which throws how it is violated.
package struct ComponentRequirement: Sendable {
  /// The name by which reports and `--test` call it.
  package let name: String
  /// The requirement, in one line.
  package let summary: String
  let test: @Sendable (ComponentSubject) throws -> Verdict

  /// Tests the requirement.
  package func verdict(on subject: ComponentSubject) throws -> Verdict { try test(subject) }

  /// All of them, in the order of the reports. The first makes one ordinary call: where that one does not return, nothing
  /// else is worth trying.
  package static let all: [ComponentRequirement] = [
    .returns, .repeatable, .pure, .seed, .finite, .undefined, .gradient, .influence, .continuity, .rowwise,
    .shiftInvariant,
    .zeroAtReference, .empty, .counts, .pairs, .reads, .writes, .memory, .environment, .formula,
  ]
}

/// The component that requirements are tested on.
package struct ComponentSubject {
  /// The component.
  package let component: LoadedComponent
  /// What decides every random number of the tests.
  package let seed: UInt64
  /// Takes what is being tried, which is all that is known if the component does not return.
  package let note: (String) -> Void

  /// A component to test.
  package init(_ component: LoadedComponent, seed: UInt64, note: @escaping (String) -> Void = { _ in }) {
    self.component = component
    self.seed = seed
    self.note = note
  }

  /// Random calls, the same ones each time.
  var calls: RandomCalls {
    let own = component.name.utf8.reduce(0xCBF2_9CE4_8422_2325 ^ seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    return RandomCalls(component, seed: own)
  }

  /// Numbers of responses to try: the least one, and up to four.
  var responseCounts: ClosedRange<Int> {
    component.responses.lowerBound...max(component.responses.lowerBound, min(component.responses.upperBound, 4))
  }

  /// Hyperparameters as they are written.
  func text(_ parameters: [Double]) -> String {
    if parameters.isEmpty { return "" }
    let values = zip(component.parameters, parameters).map { "\($0.name)=\($0.format($1))" }
    return " at \(values.joined(separator: " "))"
  }
}
