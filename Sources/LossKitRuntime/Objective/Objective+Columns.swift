import Dispatch
package import LossKit

/// Runs blocks on all processors; what they write does not depend on how many there are.
package func runBlocksOnAllProcessors(_ blocks: Int, _ run: (Int) -> Void) {
  if blocks < 2 { return runBlocksInOrder(blocks, run) }
  // Blocks write to rows of their own: nothing is shared but what is only read.
  nonisolated(unsafe) let run = run
  DispatchQueue.concurrentPerform(iterations: blocks) { run($0) }
}

extension Objective {
  /// Evaluates straight from a host's columns into a host's columns; nil where the objective is a chain of plugins' functions. Otherwise
  /// the sum of the losses, or NaN where a number was not finite: results are then partly written, and the state is as it was.
  ///
  /// `gradients` has a bit for each of `columns` whose gradient is wanted. `state` is read, and set to the values after.
  package func evaluate(
    _ shape: ColumnShape, _ columns: some BatchColumns, state: UnsafeMutablePointer<Double>?, seed: UInt64,
    gradients: UInt64, wantsRewards: Bool
  ) throws -> Double? {
    guard let fused else { return nil }
    var call = RunCall()
    call.state = state
    call.seed = seed
    call.isChecked = true
    var sum = Double.nan
    let isFinite = try ColumnEvaluation(fused, shape, gradients: gradients, isLossAlone: !wantsRewards)
      .run(call, columns, sum: &sum, schedule: runBlocksOnAllProcessors)
    return isFinite ? sum : .nan
  }
}
