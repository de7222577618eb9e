import LossKitTraining

/// A setting of a run, on the command line or in a recipe, other than those of the training itself.
struct RunKey {
  /// The number of values that a key takes.
  enum Arity {
    /// One.
    case single
    /// Any number; each use adds one.
    case list
    /// Any number of `name=value`, each name once.
    case assignments
  }

  /// The name in recipes; TRL's if TRL has one.
  let name: String
  /// The option of the command line, without dashes.
  let option: String
  /// The placeholder of the value in help.
  let placeholder: String
  /// How many values it takes.
  var arity = Arity.single
  /// The default value; empty for none.
  var defaultText = ""
  /// A one-sentence summary.
  let summary: String
}

extension RunKey {
  static let loss = RunKey(
    name: "loss", option: "loss", placeholder: "objective",
    summary:
      "What is optimized: a loss by name, a formula in braces, or a sum such as 'dpo(beta=0.1) + 0.2*sft @ log-ratio'.")
  static let losses = RunKey(
    name: "loss", option: "loss", placeholder: "objective", arity: .list,
    summary: "A further objective to compare; the same as an argument.")
  static let reward = RunKey(
    name: "reward", option: "reward", placeholder: "name",
    summary: "The reward parameterization, if the objective names none; each loss has a default.")
  static let set = RunKey(
    name: "set", option: "set", placeholder: "name=value", arity: .assignments,
    summary: "The value of a hyperparameter; 'dpo.beta=0.1' applies to dpo only.")
  static let policy = RunKey(
    name: "policy", option: "policy", placeholder: "name", defaultText: "transformer", summary: "The policy by name.")
  static let policySet = RunKey(
    name: "policy_set", option: "policy-set", placeholder: "name=value", arity: .assignments,
    summary: "The value of an option of the policy; 'losskit describe' shows them.")
  static let start = RunKey(
    name: "model_name_or_path", option: "init", placeholder: "directory",
    summary: "A model of the policy to start from; by default weights are initialized from the seed.")
  static let reference = RunKey(
    name: "reference", option: "reference", placeholder: "path", arity: .list,
    summary: "A reference model; by default the policy at its start.")
  static let referencePolicy = RunKey(
    name: "reference_policy", option: "reference-policy", placeholder: "name",
    summary: "The policy of the reference models; by default that of the run.")
  static let referenceSet = RunKey(
    name: "reference_set", option: "reference-set", placeholder: "name=value", arity: .assignments,
    summary:
      "The value of an option for loading references. Without any, references of the run's policy are loaded "
      + "with the options of policy-set, like the policy.")
  static let data = RunKey(
    name: "data", option: "data", placeholder: "file",
    summary: "Preference data, JSON Lines or a JSON array; '-' reads standard input. By default reviews are generated.")
  static let evaluationData = RunKey(
    name: "eval_data", option: "eval-data", placeholder: "file", summary: "Held-out data for evaluation.")
  static let generatedTraining = RunKey(
    name: "train_size", option: "train-size", placeholder: "count", defaultText: "2000",
    summary: "The number of pairs of reviews to generate for training.")
  static let generatedEvaluation = RunKey(
    name: "eval_size", option: "eval-size", placeholder: "count", defaultText: "500",
    summary: "The number of pairs of reviews to generate for evaluation.")
  static let output = RunKey(
    name: "output_dir", option: "output", placeholder: "directory",
    summary: "A new or empty directory for metrics, checkpoints and the model.")
  static let referenceCache = RunKey(
    name: "reference_cache", option: "reference-cache", placeholder: "directory",
    summary:
      "A directory that caches the log-probabilities of frozen references, for runs with the same data and models.")
  static let supervised = RunKey(
    name: "start", option: "start", placeholder: "objective", defaultText: "sft",
    summary: "The objective of the shared start, trained on the chosen responses; 'none' for no such start.")

  private static let common = [
    policy, policySet, start, data, evaluationData, generatedTraining, generatedEvaluation, output,
    referenceCache,
  ]
  /// All keys of all commands.
  static let all = train + compare
  /// The keys of `losskit train`.
  static let train = [loss, reward, set] + common + [reference, referencePolicy, referenceSet]
  /// The keys of `losskit compare`.
  static let compare = [losses, reward, set, supervised] + common
}
