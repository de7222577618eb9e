import Dispatch
import LossKit

extension FrameEvaluation {
  /// Evaluates the frame, a large rowwise one in parts on all processors; the result is the same to the bit.
  func runAcrossThreads() throws {
    try run { rows, evaluate in
      let partSize = 16_384
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
