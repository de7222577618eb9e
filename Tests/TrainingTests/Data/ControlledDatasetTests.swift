import LossKitSystem
import LossKitTraining
import Testing

@Suite("Controlled data")
struct ControlledDatasetTests {
  static let large = ControlledDataset.generate(seed: 11, train: 20_000, evaluation: 2_000)

  @Test("A seed always gives the same data set, and another seed another")
  func seeds() {
    let first = ControlledDataset.generate(seed: 0, train: 2000, evaluation: 400)
    #expect(first.train.digest == "3f94b15bddf9d57b47f16018b98b6569e2f1ddb733ed1d973b1d7ef6899669e6")
    #expect(first.evaluation.digest == "3d1eeaf18dd2aea6b8dcefc1df988e7cbd99cf1114fa018ee68427dca92159ff")
    #expect(ControlledDataset.generate(seed: 0, train: 2000, evaluation: 400) == first)
    #expect(ControlledDataset.generate(seed: 1, train: 2000, evaluation: 400).train.digest != first.train.digest)
    let shorter = ControlledDataset.generate(seed: 0, train: 10, evaluation: 400)
    #expect(shorter.train.examples == Array(first.train.examples.prefix(10)))
    #expect(ControlledDataset.generate(seed: 0, train: 0, evaluation: -1).train.examples.isEmpty)
  }

  @Test("The reward is the sum of the words' weights")
  func reward() {
    #expect(ControlledDataset.reward(of: " The plot is superb, the cast dull, the ending warm.") == 4.5 - 2 + 1.5)
    #expect(ControlledDataset.reward(of: "Great! Greatly. GREAT") == 8)
    #expect(ControlledDataset.reward(of: "The plot is the cast") == 0)
    #expect(ControlledDataset.weights["superb"] == 4.5)
    #expect(ControlledDataset.weights.count == 32)
    #expect(ControlledDataset.weights.values.reduce(0, +) == 0)
  }

  @Test("Preferences follow the logistic of the difference in reward")
  func preferences() {
    var counts: [Double: (chosen: Double, all: Double)] = [:]
    for example in Self.large.train.examples {
      let difference =
        ControlledDataset.reward(of: example.responses[0]) - ControlledDataset.reward(of: example.responses[1])
      counts[abs(difference), default: (0, 0)].all += 1
      counts[abs(difference), default: (0, 0)].chosen += difference > 0 ? 1 : 0
    }
    var tested = 0
    for (difference, count) in counts where difference > 0 && count.all >= 200 {
      let probability = 1 / (1 + exp(-difference))
      let deviation = (probability * (1 - probability) / count.all).squareRoot()
      // Four and a half standard deviations, plus two draws for the far tail, where the normal approximation fails.
      #expect(abs(count.chosen / count.all - probability) < 4.5 * deviation + 2 / count.all, "difference \(difference)")
      tested += 1
    }
    #expect(tested > 15)
  }

  @Test("The true reward agrees with 92 % of the pairs, as expected")
  func bestPossible() throws {
    for dataset in [Self.large.train, Self.large.evaluation] {
      let expected = try #require(ControlledDataset.bestPossibleAccuracy(on: dataset))
      let reached = try #require(dataset.accuracy { ControlledDataset.reward(of: $1) })
      #expect(abs(expected - 0.922) < 0.01)
      #expect(abs(reached - expected) < 0.025)
    }
  }

  @Test("Length is independent of the preference")
  func length() throws {
    let accuracy = try #require(Self.large.train.longerResponseAccuracy)
    #expect(abs(accuracy - 0.5) < 4.5 * 0.5 / Double(20_000).squareRoot())
  }

  @Test("Held-out responses are not in the training data, and the two responses of a pair differ")
  func heldOut() {
    let training = Set(Self.large.train.examples.flatMap { example in example.responses.map { [example.prompt, $0] } })
    for example in Self.large.evaluation.examples {
      for response in example.responses { #expect(!training.contains([example.prompt, response])) }
    }
    for dataset in [Self.large.train, Self.large.evaluation] {
      #expect(dataset.examples.allSatisfy { $0.responses[0] != $0.responses[1] })
      #expect(dataset.kind == .pairs)
    }
  }

  @Test("Texts are short")
  func sizes() {
    for example in Self.large.train.examples {
      #expect(example.prompt.utf8.count <= 22)
      #expect(example.responses.allSatisfy { (30...70).contains($0.utf8.count) })
    }
  }
}
