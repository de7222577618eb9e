import Dispatch
package import LossKit

/// Runs blocks on all processors; the results do not depend on how many there are.
package func runBlocksOnAllProcessors(_ blocks: Int, _ run: (Int) -> Void) {
  if blocks < 2 { return runBlocksInOrder(blocks, run) }
  // Blocks write to disjoint rows; everything shared is only read.
  nonisolated(unsafe) let run = run
  DispatchQueue.concurrentPerform(iterations: blocks) { run($0) }
}

extension Objective {
  /// Evaluates directly from a host's columns into a host's columns; nil if the objective is a chain of plugin
  /// functions. Returns the sum of the losses, or NaN if a number was not finite: results are then partly written, and
  /// the state is unchanged.
  ///
  /// `gradients` has a bit for each of `columns` whose gradient is computed. `state` is read, then overwritten with its
  /// new values.
  package func evaluate(
    _ shape: BatchShape, _ columns: some BatchColumns, state: UnsafeMutablePointer<Double>?, seed: UInt64,
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
