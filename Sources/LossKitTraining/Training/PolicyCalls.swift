import LossKit
import LossKitRuntime
import LossKitSystem

extension LoadedPolicyType {
  /// An instance from what a run saved. Policies that state what of their options decides numbers get the options of the run again,
  /// for they may save less than all of them; others have all they need in what they saved.
  func restore(from path: String, options: [String: Double]) throws -> PolicyInstance {
    try load(path: path, options: canStateIdentity ? options : [:])
  }
}

/// Saves a policy into a directory that does not exist yet.
func save(_ policy: PolicyInstance, to directory: String, withOptimizer: Bool) throws {
  try Files.makeDirectory(directory)
  try policy.save(to: directory, withOptimizer: withOptimizer)
}

extension ExampleBatch {
  /// The columns of a policy for this batch; `references` are those that it compares itself with.
  func forward(
    _ policy: PolicyInstance, columns: [Column], references: [PolicyInstance] = [], keepingActivations: Bool = false
  ) throws -> [String: [Double]] {
    try locatingFailures {
      try policy.forward(
        texts(), tokenOffsets: tokenOffsets(for: columns), columns: columns.map(\.name), references: references,
        keepingActivations: keepingActivations)
    }
  }

  /// Adds to the policy's gradient accumulators, from the gradients of the columns of the last kept forward call.
  func backward(
    _ policy: PolicyInstance, columns: [Column], references: [PolicyInstance], gradients: [String: [Double]]
  ) throws {
    try locatingFailures {
      try policy.backward(
        texts(), tokenOffsets: tokenOffsets(for: columns), references: references, gradients: gradients)
    }
  }

  private func tokenOffsets(for columns: [Column]) -> [Int]? {
    columns.contains { $0.extent == .token } ? layout.tokenOffsets : nil
  }
}
