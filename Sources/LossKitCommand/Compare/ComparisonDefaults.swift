/// The defaults of a comparison that differ from those of `losskit train`: the quickstart's values.
enum ComparisonDefaults {
  /// Of the runs.
  static let run: [String: String] = [:]
  /// Of the shared start.
  static let start = ["learning_rate": "0.001"]
  /// The keys whose values the start takes from the runs, unless set for the start.
  static let sharedWithStart: Set = ["seed", "per_device_train_batch_size", "per_device_eval_batch_size"]
}
