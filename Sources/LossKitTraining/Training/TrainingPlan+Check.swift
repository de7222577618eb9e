import LossKit
public import LossKitRuntime

extension TrainingPlan {
  /// Throws if the parts of the plan are incompatible. Creates no policy and computes nothing. `references` are the types of the
  /// references; empty means the policy's own start.
  public func check(policy: LoadedPolicyType, references: [LoadedPolicyType] = []) throws {
    _ = try sources(policy: policy, references: references)
  }
}
