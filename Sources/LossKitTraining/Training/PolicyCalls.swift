import LossKit
import LossKitRuntime
import LossKitSystem

extension LoadedPolicyType {
  /// Loads an instance from what a run saved. Policies that declare which options affect results get the run's options again, since they
  /// may not save all of them; other policies save everything they need.
  func restore(from path: String, options: [String: Double]) throws -> PolicyInstance {
    try load(path: path, options: canStateIdentity ? options : [:])
  }
}

/// Saves a policy into a new directory.
func save(_ policy: PolicyInstance, to directory: String, withOptimizer: Bool) throws {
  try Files.makeDirectory(directory)
  try policy.save(to: directory, withOptimizer: withOptimizer)
}

extension ExampleBatch {
  /// Returns a policy's columns for this batch; `references` are passed to policies that evaluate them.
  func forward(
    _ policy: PolicyInstance, columns: [Column], references: [PolicyInstance] = [], keepingActivations: Bool = false
  ) throws -> [String: [Double]] {
    try locatingFailures {
      try policy.forward(
        texts(), tokenOffsets: tokenOffsets(for: columns), columns: columns.map(\.name), references: references,
        keepingActivations: keepingActivations)
    }
  }

  /// Accumulates the policy's gradient, given the gradients of the columns of the last forward call that kept its activations.
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
