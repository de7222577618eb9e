import CLossKit
import LossKit
import LossKitRuntime

extension BoundBatch {
  /// Calls `body` with a bound batch whose responses stand prompt by prompt. Throws if the host's arrays do not match the batch.
  static func withRagged(
    _ hosted: HostedObjective, _ batch: losskit_batch, _ body: (borrowing BoundBatch) throws -> Void
  ) throws {
    guard batch.prompts > 0, batch.prompts < 1 << 40, batch.responses > 0, batch.responses < 1 << 20 else {
      // The shape is invalid for either layout.
      return try with(hosted, batch) { _ in }
    }
    try withUnsafeTemporaryAllocation(of: Int.self, capacity: batch.prompts + 1) { starts in
      starts[0] = 0
      for prompt in 0..<batch.prompts {
        // A count that is too large is reported when the batch is bound.
        starts[prompt + 1] =
          starts[prompt] + min(batch.counts.map { Int($0[prompt]) } ?? batch.responses, batch.responses)
      }
      try with(hosted, batch, starts: UnsafePointer(starts.baseAddress), body)
    }
  }
}
