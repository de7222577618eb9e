/// The speed of a run, excluding evaluations and checkpoints.
struct Speed {
  private var steps = 0
  private var pairs = 0, lapPairs = 0
  private var seconds = 0.0, lapSeconds = 0.0

  /// Counts a step that took `duration` and processed `count` prompts.
  mutating func add(pairs count: Int, took duration: Duration) {
    steps += 1
    pairs += count
    lapPairs += count
    seconds += duration.seconds
    lapSeconds += duration.seconds
  }

  /// Starts a new lap.
  mutating func lap() {
    lapPairs = 0
    lapSeconds = 0
  }

  var pairsPerSecond: Double { Double(pairs) / seconds }
  var pairsPerSecondSinceLap: Double { Double(lapPairs) / lapSeconds }
  var secondsPerStep: Double { seconds / Double(steps) }
}

extension Duration {
  /// The duration in seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
