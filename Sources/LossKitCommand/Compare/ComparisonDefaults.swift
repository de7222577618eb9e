/// What a comparison does where nothing is set, other than `losskit train`: the quickstart's numbers.
enum ComparisonDefaults {
  /// Of the runs.
  static let run: [String: String] = [:]
  /// Of the start that they share.
  static let start = ["learning_rate": "0.001"]
  /// What the start has in common with the runs, unless it is set for the start.
  static let sharedWithStart: Set = ["seed", "per_device_train_batch_size", "per_device_eval_batch_size"]
}
