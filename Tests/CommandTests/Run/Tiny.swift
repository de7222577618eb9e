/// Minimal sizes, for short runs.
enum Tiny {
  static let policy = [
    "--hidden-size", "8", "--intermediate-size", "8", "--num-hidden-layers", "1", "--num-attention-heads", "2",
    "--num-key-value-heads", "1",
  ]
  static let data = ["--train-size", "16", "--eval-size", "4"]

  /// The arguments of a run of a few steps on generated reviews.
  static func train(_ more: String..., steps: Int = 2) -> [String] {
    ["train", "--loss", "dpo", "--max-steps", "\(steps)"] + policy + data + more
  }
}
