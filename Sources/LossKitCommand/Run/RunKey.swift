import LossKitTraining

/// Something that can be set about a run, on the command line or in a recipe, beside the keys of the training itself.
struct RunKey {
  /// How many values a key takes.
  enum Arity {
    /// One.
    case single
    /// Any number, each one more.
    case list
    /// Any number of `name=value`, each name once.
    case assignments
  }

  /// The name in recipes: TRL's, where TRL has one.
  let name: String
  /// The option of the command line, without its dashes.
  let option: String
  /// What stands for the value in help.
  let placeholder: String
  /// How many values it takes.
  var arity = Arity.single
  /// The value when none is given; empty for none.
  var defaultText = ""
  /// One sentence.
  let summary: String
}

extension RunKey {
  static let loss = RunKey(
    name: "loss", option: "loss", placeholder: "objective",
    summary:
      "What is optimized: a loss by name, a formula in braces, or a sum such as 'dpo(beta=0.1) + 0.2*sft @ log-ratio'.")
  static let losses = RunKey(
    name: "loss", option: "loss", placeholder: "objective", arity: .list,
    summary: "One more objective to compare; the same as an argument.")
  static let reward = RunKey(
    name: "reward", option: "reward", placeholder: "name",
    summary: "The reward parameterization, where the objective names none; each loss has a default.")
  static let set = RunKey(
    name: "set", option: "set", placeholder: "name=value", arity: .assignments,
    summary: "The value of a hyperparameter; 'dpo.beta=0.1' is for dpo alone.")
  static let policy = RunKey(
    name: "policy", option: "policy", placeholder: "name", defaultText: "transformer", summary: "The policy by name.")
  static let policySet = RunKey(
    name: "policy_set", option: "policy-set", placeholder: "name=value", arity: .assignments,
    summary: "The value of an option of the policy; 'losskit describe' shows them.")
  static let start = RunKey(
    name: "model_name_or_path", option: "init", placeholder: "directory",
    summary: "A model of the policy to start from; without it the weights are drawn by the seed.")
  static let reference = RunKey(
    name: "reference", option: "reference", placeholder: "path", arity: .list,
    summary: "A model to compare with; without any it is the policy as it starts.")
  static let referencePolicy = RunKey(
    name: "reference_policy", option: "reference-policy", placeholder: "name",
    summary: "The policy that the references are models of; without it that of the run.")
  static let referenceSet = RunKey(
    name: "reference_set", option: "reference-set", placeholder: "name=value", arity: .assignments,
    summary:
      "The value of an option that the references are loaded with. Without any, references of the run's own policy are loaded "
      + "with those of policy-set, as the policy is.")
  static let data = RunKey(
    name: "data", option: "data", placeholder: "file",
    summary: "Preference data, JSON Lines or a JSON array; '-' reads standard input. Without it reviews are generated.")
  static let evaluationData = RunKey(
    name: "eval_data", option: "eval-data", placeholder: "file", summary: "Data that is held out, to evaluate on.")
  static let generatedTraining = RunKey(
    name: "train_size", option: "train-size", placeholder: "count", defaultText: "2000",
    summary: "How many pairs of reviews are generated to learn from.")
  static let generatedEvaluation = RunKey(
    name: "eval_size", option: "eval-size", placeholder: "count", defaultText: "500",
    summary: "How many pairs of reviews are generated to evaluate on.")
  static let output = RunKey(
    name: "output_dir", option: "output", placeholder: "directory",
    summary: "A new or empty directory for metrics, checkpoints and the model.")
  static let referenceCache = RunKey(
    name: "reference_cache", option: "reference-cache", placeholder: "directory",
    summary:
      "A directory that keeps the log-probabilities of frozen references, for runs with the same data and models.")
  static let supervised = RunKey(
    name: "start", option: "start", placeholder: "objective", defaultText: "sft",
    summary: "What the start that all runs share is trained by, on the chosen responses; 'none' for no such start.")

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
