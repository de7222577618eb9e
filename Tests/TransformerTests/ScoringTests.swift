import CLossKit
import LossKit
import LossKitSystem
import Testing

@testable import Transformer

/// The log-probabilities of a policy.
struct ScoringTests {
  @Test func aResponseIsTheSumOfItsTokens() throws {
    let values = try Transformer.small().logProbabilities(Texts(eightPairs))
    for (row, value) in values.responses.enumerated() {
      #expect(value == values.tokens(of: row).reduce(0, +))
      #expect(values.tokens(of: row).allSatisfy { $0 < 0 })
    }
  }

  @Test func aTokenDependsOnWhatIsBeforeItAlone() throws {
    let policy = try Transformer.small()
    let short = try policy.logProbabilities(single("Why", "ab"))
    let long = try policy.logProbabilities(single("Why", "abc"))
    #expect(close(short.tokens[0], long.tokens[0]) && close(short.tokens[1], long.tokens[1]))
    #expect(short.tokens[2] != long.tokens[2], "an end token against the byte c")
    // The prompt is read but not scored: what was the response's first byte is now the prompt's last.
    let moved = try policy.logProbabilities(single("Whya", "b"))
    #expect(moved.tokens.count == 2)
    #expect(close(moved.tokens[0], short.tokens[1]) && close(moved.tokens[1], short.tokens[2]))
    #expect(try policy.logProbabilities(single("Who", "ab")).tokens[0] != short.tokens[0])
  }

  @Test func theProbabilitiesOfAllNextTokensSumToOne() throws {
    let policy = try Transformer.small()
    let rows = (UInt8(1)..<128).map { ("p", [String(UnicodeScalar($0))]) }
    let firsts = try policy.logProbabilities(Texts(rows))
    var sum = 0.0
    for row in rows.indices { sum += exp(firsts.tokens(of: row)[0]) }
    #expect(sum > 0.1 && sum < 1, "127 of 259 tokens")
  }

  @Test func eightPairsAreEightBatchesOfOne() throws {
    let policy = try Transformer.small()
    let together = try policy.logProbabilities(Texts(eightPairs))
    for (index, pair) in eightPairs.enumerated() {
      let alone = try policy.logProbabilities(Texts([pair]))
      for rank in 0..<2 {
        let found = together.tokens(of: rank * 8 + index)
        #expect(zip(found, alone.tokens(of: rank)).allSatisfy { abs($0 - $1) < 2e-6 * abs($1) })
      }
    }
  }

  @Test func aLargeVocabularyIsScoredTileByTile() throws {
    var options = TransformerOptions.small(hidden: 8)
    options.architecture.vocabularySize = 120_000
    let policy = try Transformer.create(options: options, seed: 3)
    let together = try policy.logProbabilities(Texts(eightPairs))
    #expect(together.tokens.count * 120_000 * 4 > 64 << 20, "more than one tile")
    for (index, pair) in eightPairs.enumerated() {
      let alone = try policy.logProbabilities(Texts([pair]))
      let found = together.tokens(of: index)
      #expect(zip(found, alone.tokens(of: 0)).allSatisfy { abs($0 - $1) < 2e-6 * abs($1) && $0 < -5 })
    }
  }

  @Test func keepingActivationsChangesNothing() throws {
    let policy = try Transformer.small()
    let texts = Texts(eightPairs)
    #expect(try policy.logProbabilities(texts, keeping: true) == policy.logProbabilities(texts))
  }

  @Test func responsesThatAPromptDoesNotHaveReadZero() throws {
    let values = try Transformer.small().logProbabilities(Texts([("a", ["b", "c"]), ("d", ["e"])]))
    #expect(values.responses[3] == 0)
    #expect(values.responses[0..<3].allSatisfy { $0 < 0 })
  }

  @Test func anEmptyBatchIsLegal() throws {
    let policy = try Transformer.small()
    let values = try policy.logProbabilities(Texts([]), keeping: true)
    #expect(values.responses.isEmpty)
    try policy.backward(Texts([]), perResponse: [])
  }

  @Test func divergedWeightsAreAnErrorThatNamesThePrompt() throws {
    let policy = try Transformer.small()
    try policy.backwardOnce()
    _ = try policy.step(PolicyUpdate(learningRate: 1e30))
    let failure = #expect(throws: Failure.self) { try policy.logProbabilities(single("a", "b")) }
    #expect(failure?.prompt == 0)
  }
}

/// Equality up to the rounding of products of other shapes.
func close(_ left: Double, _ right: Double) -> Bool { abs(left - right) <= 2e-6 * max(1, abs(right)) }

extension Transformer {
  /// One forward and one backward pass over two pairs.
  func backwardOnce() throws {
    let texts = Texts(Array(eightPairs.prefix(2)))
    _ = try logProbabilities(texts, keeping: true)
    try backward(texts, perResponse: [1, -1, -0.5, 0.25])
  }
}
