import LossKit
public import LossKitRuntime

extension TrainingPlan {
  /// Throws where the parts of the plan do not go together: before a policy is made or anything is computed. `references` are the types
  /// of the references; none stands for the policy's own start.
  public func check(policy: LoadedPolicyType, references: [LoadedPolicyType] = []) throws {
    _ = try sources(policy: policy, references: references)
  }
}
