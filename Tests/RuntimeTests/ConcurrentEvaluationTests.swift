import Dispatch
import LossKit
import LossKitTestSupport
import Synchronization
import Testing

@testable import LossKitRuntime

/// Evaluations of one objective at the same time.
@Suite struct ConcurrentEvaluationTests {
  /// Batches of several sizes, which share the memory of their plans.
  @Test(arguments: ["aot", "kto-pair"])
  func resultsAreThoseOfOneAfterTheOther(name: String) throws {
    let objective = try Objective(name, in: BuiltPlugins.registry())
    let batches = (0..<6).map { index in
      var numbers = SeededNumbers(seed: UInt64(index))
      let prompts = 20 + 2500 * (index % 3)
      var batch = Batch(prompts: prompts)
      for column in objective.columns { batch.columns[column.name] = numbers.normals(2 * prompts, mean: -20) }
      return batch
    }
    let expected = try batches.map { try evaluate(objective, $0) }
    let differing = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: batches.count) { index in
      for _ in 0..<5 {
        let found = try? evaluate(objective, batches[index])
        guard found?.loss != expected[index].loss || found?.gradients != expected[index].gradients else { continue }
        differing.add(1, ordering: .relaxed)
      }
    }
    #expect(differing.load(ordering: .relaxed) == 0)
  }

  private func evaluate(_ objective: Objective, _ batch: Batch) throws -> Evaluation {
    var state = objective.initialState
    return try objective.evaluate(batch, state: &state)
  }
}
