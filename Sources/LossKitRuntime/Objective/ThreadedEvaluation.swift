package import CLossKitKernels
import Dispatch
package import LossKit

/// Rows that one processor evaluates at a time: enough for the cost of handing them over not to be seen.
private let partSize = 16_384

extension FrameEvaluation {
  /// Evaluates the frame, a large rowwise one in parts on all processors; the result is the same to the bit.
  func runAcrossThreads() throws {
    try run { rows, evaluate in
      let parts = (rows + partSize - 1) / partSize
      if parts < 2 { return evaluate(0..<rows) }
      // Parts write to rows of their own: nothing is shared but what is only read.
      nonisolated(unsafe) let evaluate = evaluate
      DispatchQueue.concurrentPerform(iterations: parts) { part in
        evaluate(part * partSize..<min(rows, (part + 1) * partSize))
      }
    }
  }
}

extension StreamedEvaluation {
  /// Evaluates all rows, many of them in parts on all processors; the sum does not depend on how many there are.
  package func runAcrossThreads(
    rows: Int, input: (InputSlot) -> losskit_host_column?, value: (Int) -> losskit_host_column,
    gradient: (InputSlot) -> losskit_host_column
  ) -> Double? {
    run(rows: rows, input: input, value: value, gradient: gradient) { rows, evaluate in
      let parts = (rows + partSize - 1) / partSize
      if parts < 2 { return evaluate(0..<rows) }
      return withUnsafeTemporaryAllocation(of: Double.self, capacity: parts) { sums in
        // As above; and each part writes a sum of its own.
        nonisolated(unsafe) let (evaluate, sums) = (evaluate, sums)
        DispatchQueue.concurrentPerform(iterations: parts) { part in
          sums[part] = evaluate(part * partSize..<min(rows, (part + 1) * partSize)) ?? .nan
        }
        let sum = pairwiseSum(UnsafeBufferPointer(sums))
        return sum.isNaN ? nil : sum
      }
    }
  }
}

extension Objective {
  /// How prompts with the same number of responses are evaluated straight from a host's columns; nil where they cannot be.
  ///
  /// `gradients` has a bit for each of `columns` whose gradient is wanted.
  package func streamed(
    responses: Int, references: Int, gradients: UInt64, wantsRewards: Bool
  ) throws -> StreamedEvaluation? {
    guard let fused else { return nil }
    return try StreamedEvaluation(
      fused, responses: responses, references: references, gradients: gradients, wantsRewards: wantsRewards)
  }
}
