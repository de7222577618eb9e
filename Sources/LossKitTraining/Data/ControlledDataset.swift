import LossKitSystem

/// Preference data generated from a seed, whose true reward is known: short reviews, some more favorable than others.
///
/// A prompt names a subject (`Review of the hotel:`), a response describes two or three of its parts (` The room is elegant, the bed
/// dull.`). The true reward of a response is the sum of the lexicon's weights over its words. One of two responses to a prompt is chosen
/// with probability σ(reward₁ − reward₂) (Bradley and Terry), so the best possible accuracy is 92 %. Each positive word has a negative
/// counterpart of the same length and the opposite weight, so the length of a response carries no information about its reward.
public enum ControlledDataset {
  /// Generates pairs for training and for evaluation; they share no response to the same prompt.
  ///
  /// The pairs depend on the seed alone: a larger count appends pairs to those of a smaller one, as long as the other count is unchanged.
  /// Prompts have about 20 bytes, responses 30 to 70. Intended for up to a million pairs; there are about ten million texts.
  public static func generate(
    seed: UInt64, train: Int, evaluation: Int
  ) -> (train: PreferenceDataset, evaluation: PreferenceDataset) {
    var random = RandomNumbers(seed: seed, stream: evaluationStream)
    let heldOut = (0..<max(evaluation, 0)).map { _ in pair(from: &random, without: []) }
    var taken: Set<Review> = []
    for example in heldOut {
      for response in example.responses { taken.insert(Review(prompt: example.prompt, response: response)) }
    }
    random = RandomNumbers(seed: seed, stream: trainingStream)
    let training = (0..<max(train, 0)).map { _ in pair(from: &random, without: taken) }
    return (
      PreferenceDataset(examples: training, source: "controlled data, seed \(seed), training"),
      PreferenceDataset(examples: heldOut, source: "controlled data, seed \(seed), evaluation")
    )
  }

  // Outside the streams of a trainer with the same seed.
  private static let trainingStream: UInt64 = 1 << 62
  private static let evaluationStream: UInt64 = (1 << 62) + 1

  /// The true reward of a response: the sum of the lexicon's weights over its words.
  public static func reward(of response: String) -> Double {
    words(of: response).reduce(0) { $0 + (weights[$1] ?? 0) }
  }

  /// The weights of the words that have one, between −5 and 5.
  public static let weights: [String: Double] = {
    var weights: [String: Double] = [:]
    for entry in opposites {
      weights[entry.kind] = entry.weight
      weights[entry.unkind] = -entry.weight
    }
    return weights
  }()

  /// The expected accuracy of the true reward on pairs sampled from it, the mean of σ(|reward₁ − reward₂|): an upper bound for any judge.
  public static func bestPossibleAccuracy(on dataset: PreferenceDataset) -> Double? {
    guard dataset.kind == .pairs, !dataset.examples.isEmpty else { return nil }
    let sum = dataset.examples.reduce(0) { sum, example in
      let difference = reward(of: example.responses[0]) - reward(of: example.responses[1])
      return sum + probability(ofChoosingAt: abs(difference))
    }
    return sum / Double(dataset.examples.count)
  }
}

// MARK: - Drawing

extension ControlledDataset {
  private struct Review: Hashable {
    var prompt: String
    var response: String
  }

  private static func pair(from random: inout RandomNumbers, without taken: Set<Review>) -> PreferenceExample {
    while true {
      let subject = subjects[random.integer(below: subjects.count)]
      let prompt = "Review of the \(subject.name):"
      let responses = [response(on: subject, from: &random), response(on: subject, from: &random)]
      let isNew = responses.allSatisfy { !taken.contains(Review(prompt: prompt, response: $0)) }
      guard isNew, responses[0] != responses[1] else { continue }
      let difference = reward(of: responses[0]) - reward(of: responses[1])
      let isFirstChosen = random.uniform() < probability(ofChoosingAt: difference)
      return PreferenceExample(prompt: prompt, responses: isFirstChosen ? responses : responses.reversed())
    }
  }

  private static func response(on subject: Subject, from random: inout RandomNumbers) -> String {
    let count = 2 + random.integer(below: 2)
    let parts = random.shuffled(subject.parts).prefix(count)
    let clauses = parts.enumerated().map { index, part in
      "the \(part) \(index == 0 ? "is " : "")\(vocabulary[random.integer(below: vocabulary.count)])"
    }
    return " T" + clauses.joined(separator: ", ").dropFirst() + "."
  }

  /// The probability that a response is chosen whose reward is higher by `difference`. Bradley and Terry, 1952.
  private static func probability(ofChoosingAt difference: Double) -> Double {
    1 / (1 + exp(-difference))
  }

  private static func words(of text: String) -> [String] {
    text.split { !$0.isLetter }.map { $0.lowercased() }
  }
}
