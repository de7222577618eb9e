package import LossKitRuntime

/// The outcome of a test that found no violation.
package enum Verdict: Sendable, Equatable {
  /// The requirement is met; with measurements, in words.
  case met(String)
  /// The requirement is violated in a way that may be intended; with a description.
  case warning(String)
  /// There was nothing to test; with the reason.
  case notTested(String)
}

/// A requirement on losses and reward parameterizations, with its conformance test, which throws a description of a violation.
package struct ComponentRequirement: Sendable {
  /// The name in reports and for `--test`.
  package let name: String
  /// The requirement, in one line.
  package let summary: String
  let test: @Sendable (ComponentSubject) throws -> Verdict

  /// Tests the requirement.
  package func verdict(on subject: ComponentSubject) throws -> Verdict { try test(subject) }

  /// All requirements, in the order of reports. The first makes one ordinary call; if that does not return, the others are
  /// not tested.
  package static let all: [ComponentRequirement] = [
    .returns, .repeatable, .pure, .seed, .finite, .undefined, .gradient, .influence, .continuity, .rowwise,
    .shiftInvariant,
    .zeroAtReference, .empty, .counts, .pairs, .reads, .writes, .memory, .environment, .formula,
  ]
}

/// The component under test.
package struct ComponentSubject {
  /// The component.
  package let component: LoadedComponent
  /// The seed of all random numbers of the tests.
  package let seed: UInt64
  /// Receives what is being tried, which is all that is known if the component does not return.
  package let note: (String) -> Void

  /// Creates a test subject.
  package init(_ component: LoadedComponent, seed: UInt64, note: @escaping (String) -> Void = { _ in }) {
    self.component = component
    self.seed = seed
    self.note = note
  }

  /// Random calls, equal each time.
  var calls: RandomCalls {
    let own = component.name.utf8.reduce(0xCBF2_9CE4_8422_2325 ^ seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    return RandomCalls(component, seed: own)
  }

  /// The numbers of responses to try: from the minimum to at most four.
  var responseCounts: ClosedRange<Int> {
    component.responses.lowerBound...max(component.responses.lowerBound, min(component.responses.upperBound, 4))
  }

  /// The hyperparameters as text.
  func text(_ parameters: [Double]) -> String {
    if parameters.isEmpty { return "" }
    let values = zip(component.parameters, parameters).map { "\($0.name)=\($0.format($1))" }
    return " at \(values.joined(separator: " "))"
  }
}
