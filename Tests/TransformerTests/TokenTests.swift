import CLossKit
import LossKit
import Testing

@testable import Transformer

/// The tokens that are read, scored and truncated.
struct TokenTests {
  @Test func aPromptStandsOnceBeforeItsResponses() throws {
    let batch = try Texts([("ab", ["c", "de"]), ("", ["f", "g"])]).tokens(context: 20)
    #expect(batch.inputs == [257, 97, 98, 99, 100, 101, 257, 102, 103])
    #expect(batch.segments.map(\.rows) == [0..<3, 3..<4, 4..<6, 6..<7, 7..<8, 8..<9])
    #expect(batch.segments.map(\.prefix.count) == [0, 3, 3, 0, 1, 1])
    #expect(batch.scoredRows == [2, 3, 2, 4, 5, 6, 7, 6, 8])
    #expect(batch.targets == [99, 258, 100, 101, 258, 102, 258, 103, 258])
    #expect(batch.scoredStarts == [0, 2, 5, 7, 9])
    #expect(batch.rows == [0, 2, 1, 3])
  }

  @Test func countsAreTheBytesAndOneEndToken() throws {
    let counts = try Transformer.small().counts(Texts([("p", ["ab", "→"]), ("q", ["a"])]))
    #expect(counts.tokens == [3, 2, 4, 0])
    #expect(counts.truncated == [0, 0, 0, 0])
  }

  @Test func thePromptLosesItsBeginningForAllItsResponsesAlike() throws {
    let texts = Texts([("abcdefgh", ["123", "1"])])
    let batch = try texts.tokens(context: 8)
    #expect(batch.inputs == [257, 102, 103, 104, 49, 50, 51, 49])
    #expect(batch.longest == 7)
    #expect(batch.targets == [49, 50, 51, 258, 49, 258])
    let counts = try Transformer.small(context: 8).counts(texts)
    #expect(counts.tokens == [4, 2])
    #expect(counts.truncated == [5, 5])
  }

  @Test func aResponseKeepsItsBeginningAndLosesItsEndToken() throws {
    let texts = Texts([("ab", ["1234567", "123456"])])
    let batch = try texts.tokens(context: 8)
    #expect(batch.inputs == [257, 49, 50, 51, 52, 53, 54, 49, 50, 51, 52, 53, 54])
    #expect(batch.targets == [49, 50, 51, 52, 53, 54, 55, 49, 50, 51, 52, 53, 54, 258])
    let counts = try Transformer.small(context: 8).counts(texts)
    #expect(counts.tokens == [7, 7])
    #expect(counts.truncated == [3, 2])
  }

  @Test func aResponseOfOneTokenAddsNoneToRead() throws {
    let batch = try Texts([("abc", ["xyz", "z"])]).tokens(context: 2)
    #expect(batch.inputs == [257])
    #expect(batch.targets == [120, 122])
    #expect(batch.scoredRows == [0, 0])
  }

  @Test func anEmptyResponseIsAnErrorThatNamesThePrompt() throws {
    let texts = Texts([("a", ["b"]), ("c", [""])])
    let failure = #expect(throws: Failure.self) { try Transformer.small().counts(texts) }
    #expect(failure?.prompt == 1)
    #expect(throws: Failure.self) { try Transformer.small().logProbabilities(texts) }
  }
}
