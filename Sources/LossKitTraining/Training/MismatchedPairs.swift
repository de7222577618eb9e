import LossKit
import LossKitRuntime

extension MeasuredData {
  /// For each example of a batch, returns the example whose responses it is paired with when an objective reads responses to other
  /// prompts.
  ///
  /// This is the previous example in the batch (the last one for the first), as in TRL and HALOs, skipping examples with the same prompt.
  /// If the batch has no other prompt, it is the nearest example of the data set with another prompt, the earlier one on a tie. The
  /// pairing depends only on the batch and the data, so resumed runs and other call sizes give the same pairs. Throws if the whole data
  /// set has a single prompt.
  func partners(of examples: [Int]) throws -> [Int] {
    let count = examples.count
    func previous(_ place: Int) -> Int { (place + count - 1) % count }
    func continuesPrompt(_ place: Int) -> Bool { haveOnePrompt(examples[place], examples[previous(place)]) }
    guard let first = examples.indices.first(where: { !continuesPrompt($0) }) else {
      return try examples.map(nearestOfOtherPrompt)
    }
    var partners = [Int](repeating: 0, count: count)
    for place in examples.indices.map({ ($0 + first) % count }) {
      partners[place] = continuesPrompt(place) ? partners[previous(place)] : examples[previous(place)]
    }
    return partners
  }

  private func nearestOfOtherPrompt(to example: Int) throws -> Int {
    let all = dataset.examples.indices
    for distance in 1..<max(2, all.count) {
      for other in [example - distance, example + distance] where all.contains(other) {
        if !haveOnePrompt(example, other) { return other }
      }
    }
    throw dataset.lackOfOtherPrompts
  }

  private func haveOnePrompt(_ example: Int, _ other: Int) -> Bool {
    dataset.examples[example].hasPrompt(of: dataset.examples[other])
  }
}

extension PreferenceDataset {
  /// Throws if all examples have the same prompt, so that no response to another prompt exists.
  func checkOtherPrompts() throws {
    guard let first = examples.first, examples.allSatisfy({ $0.hasPrompt(of: first) }) else { return }
    throw lackOfOtherPrompts
  }

  fileprivate var lackOfOtherPrompts: Failure {
    Failure(
      """
      \(source): the objective takes for each prompt a response to another prompt, and the data have one prompt; add examples of \
      other prompts, or choose another objective
      """)
  }
}

extension PreferenceExample {
  /// Whether the prompts are equal byte for byte: a policy distinguishes texts that are canonically equivalent in Unicode.
  fileprivate func hasPrompt(of other: PreferenceExample) -> Bool { ExactText(prompt) == ExactText(other.prompt) }
}
