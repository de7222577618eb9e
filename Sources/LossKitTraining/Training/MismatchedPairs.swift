import LossKit
import LossKitRuntime

extension MeasuredData {
  /// For each example of a batch, the one whose responses it is paired with where an objective asks for responses to other prompts.
  ///
  /// It is the example before in the batch, the last one for the first, as in TRL and HALOs; one that has the same prompt is passed
  /// over. Where the batch has no other prompt, it is the nearest example of the data set that has one, the one before where two are
  /// equally near. It depends on the batch and the data alone, so that a run that resumes and one with other calls pair alike.
  /// Throws where the whole data set has one prompt.
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
  /// Throws where all examples have one prompt, so that none can be paired with a response to another.
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
  /// Whether the prompts have the same bytes: a policy tells apart what Unicode calls equivalent.
  fileprivate func hasPrompt(of other: PreferenceExample) -> Bool { ExactText(prompt) == ExactText(other.prompt) }
}
