import CLossKit
import LossKit
import LossKitRuntime

extension ComponentRequirement {
  /// What a component computes depends on the columns that it differentiates. A component with constant results teaches nothing; one that
  /// reads only some of the responses may be intended, as supervised losses are.
  static let influence = ComponentRequirement(
    name: "influence",
    summary: "the columns that it differentiates have an effect; a response without effect is a warning"
  ) { subject in
    var calls = subject.calls
    var influential: Set<Int> = []
    let responses = subject.responseCounts.upperBound
    // A threshold on scores may exclude a response in one batch and include it in another.
    for _ in 0..<8 where influential.count < responses {
      for parameters in calls.parameterSets() {
        var call = calls.call(prompts: 40, responses: responses)
        call.parameters = parameters
        guard call.columns.contains(where: \.column.isDifferentiable) else {
          return .notTested("it differentiates no column")
        }
        let before = try subject.run(call)
        for rank in 0..<responses where !influential.contains(rank) {
          let rows = call.differentiableEntries(ofRank: rank)
          var moved = call
          for (name, entries) in rows {
            // Downwards, so that log-probabilities stay negative.
            for entry in entries { moved.inputs[name]?[entry] -= calls.numbers.uniform(0.5...3) }
          }
          // A value may stay constant while its gradient does not, such as the ratio of a probability to itself, stopped.
          let hasGradient = rows.contains { name, entries in
            before.gradients[name].map { gradient in entries.contains { gradient[$0] != 0 } } ?? false
          }
          if try hasGradient || bits(subject.run(moved).output) != bits(before.output) { influential.insert(rank) }
        }
      }
    }
    guard !influential.isEmpty else {
      throw Failure("values and gradients are the same for all columns; nothing can be learned from it")
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
  /// The entries of differentiable columns for the responses of a rank; a column per prompt belongs to the first rank.
  fileprivate func differentiableEntries(ofRank rank: Int) -> [(name: String, entries: Range<Int>)] {
    withShape { shape in
      columns.filter { $0.column.isDifferentiable && (rank == 0 || $0.column.per != .prompt) }.map { name, column in
        let first = shape.entries(per: column.per, rank: rank, prompt: 0)
        let last = shape.entries(per: column.per, rank: rank, prompt: prompts - 1)
        return (name, first.lowerBound..<last.upperBound)
      }
    }
  }
}
