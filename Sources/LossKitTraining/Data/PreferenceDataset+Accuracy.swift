extension PreferenceDataset {
  /// Returns the fraction of pairs whose better response has the higher value, ties counting half; nil if there are no pairs.
  ///
  /// A ranking counts with all its pairs except those of equal score.
  public func accuracy(
    _ value: (_ prompt: String, _ response: String) throws -> Double
  ) rethrows -> Double? {
    var pairs = 0
    var right = 0.0
    for example in examples {
      let values = try example.responses.map { try value(example.prompt, $0) }
      for better in values.indices {
        for worse in values.indices where worse > better && !isTied(example, better, worse) {
          pairs += 1
          right += values[better] > values[worse] ? 1 : values[better] == values[worse] ? 0.5 : 0
        }
      }
    }
    return pairs == 0 ? nil : right / Double(pairs)
  }

  /// The accuracy of preferring the response with more UTF-8 bytes, a baseline for any accuracy.
  public var longerResponseAccuracy: Double? {
    accuracy { _, response in Double(response.utf8.count) }
  }

  private func isTied(_ example: PreferenceExample, _ first: Int, _ second: Int) -> Bool {
    guard let scores = example.scores, scores.indices.contains(second) else { return false }
    return scores[first] == scores[second]
  }
}
