import CLossKit
import LossKit
import LossKitRuntime

extension ComponentRequirement {
  /// What a component computes answers to what it differentiates. One that gives the same whatever it reads teaches nothing; one
  /// that looks at some of the responses only may be meant so, as the supervised losses are.
  static let influence = ComponentRequirement(
    name: "influence",
    summary: "what it differentiates changes what it computes; a response that changes nothing is a warning"
  ) { subject in
    var calls = subject.calls
    var influential: Set<Int> = []
    let responses = subject.responseCounts.upperBound
    // A threshold on scores may leave a response out of one batch and take it into another.
    for _ in 0..<8 where influential.count < responses {
      for parameters in calls.parameterSets() {
        var call = calls.call(prompts: 40, responses: responses)
        call.parameters = parameters
        guard call.columns.contains(where: \.column.isDifferentiable) else {
          return .notTested("it differentiates nothing")
        }
        let before = try subject.run(call)
        for rank in 0..<responses where !influential.contains(rank) {
          let rows = call.differentiableEntries(ofRank: rank)
          var moved = call
          for (name, entries) in rows {
            // Downwards, so that log-probabilities stay such.
            for entry in entries { moved.inputs[name]?[entry] -= calls.numbers.uniform(0.5...3) }
          }
          // A value may stay as it is where its gradient does not: that of a ratio of a probability to itself, held.
          let hasGradient = rows.contains { name, entries in
            before.gradients[name].map { gradient in entries.contains { gradient[$0] != 0 } } ?? false
          }
          if try hasGradient || bits(subject.run(moved).output) != bits(before.output) { influential.insert(rank) }
        }
      }
    }
    guard !influential.isEmpty else {
      throw Failure("values and gradients are the same whatever the columns hold; nothing can be learned from it")
    }
    let ignored = (0..<responses).filter { !influential.contains($0) }
    if ignored.isEmpty { return .met("") }
    let names =
      responses == 2
      ? "the \(["chosen", "rejected"][ignored[0]]) response"
      : ignored.map { "responses[\($0)]" }.joined(separator: ", ")
    return .warning("\(names): changes neither values nor gradients")
  }
}

extension ComponentCall {
  /// Where what is differentiated of the responses of a rank stands, by column; a column per prompt belongs to the first rank.
  fileprivate func differentiableEntries(ofRank rank: Int) -> [(name: String, entries: Range<Int>)] {
    columns.filter(\.column.isDifferentiable).compactMap { name, column in
      switch column.extent {
      case UInt32(LOSSKIT_PER_PROMPT): rank == 0 ? (name, 0..<prompts) : nil
      case UInt32(LOSSKIT_PER_RESPONSE): (name, rank * prompts..<(rank + 1) * prompts)
      default: tokenOffsets.map { (name, $0[rank * prompts]..<$0[(rank + 1) * prompts]) }
      }
    }
  }
}
