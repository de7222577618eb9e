import Testing

@testable import LossKit

/// The places of entries against columns that are written down row by row.
struct BatchShapeTests {
  /// Three prompts of 2, 3 and 1 responses; tokens of each response, by prompt. A response may be empty.
  private static let tokens = [[2, 1], [0, 3, 0], [4]]
  private static let references = 2

  /// Every entry of a column, in order, as the prompt, the rank and the reference that it belongs to.
  private func entries(per extent: Column.Extent) -> [(prompt: Int, rank: Int, reference: Int)] {
    (0..<Self.references).flatMap { reference in
      (0..<(extent == .prompt ? 1 : 3)).flatMap { rank in
        Self.tokens.indices.flatMap { prompt -> [(prompt: Int, rank: Int, reference: Int)] in
          let tokenCount = Self.tokens[prompt].dropFirst(rank).first ?? 0
          return Array(repeating: (prompt, rank, reference), count: extent == .token ? tokenCount : 1)
        }
      }
    }
  }

  private func withShape(_ body: (BatchShape) -> Void) {
    let lengths = (0..<3).flatMap { rank in Self.tokens.map { $0.dropFirst(rank).first ?? 0 } }
    let offsets = lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    BatchShape.with(
      prompts: 3, responses: 3, references: Self.references, counts: Self.tokens.map { UInt32($0.count) },
      tokenOffsets: offsets, body)
  }

  @Test("A ragged batch holds the responses prompt by prompt")
  func ragged() {
    let offsets = [0, 2, 3, 3, 6, 6, 10], starts = [0, 2, 5, 6]
    let shape = BatchShape(
      prompts: 3, responses: 3, references: 2, counts: [2, 3, 1], tokenOffsets: offsets, starts: starts)
    let responses = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 0)].map { BatchShape.Place(prompt: $0, rank: $1) }
    #expect(shape.rows == 6 && shape.tokens == 10 && shape.count(per: .response) == 6 && shape.count(per: .prompt) == 3)
    for (row, place) in responses.enumerated() {
      let rank = place.rank ?? 0
      #expect(shape.row(rank, ofPrompt: place.prompt) == row && shape.place(of: 6 + row, per: .response) == place)
      #expect(shape.entries(per: .response, rank: rank, prompt: place.prompt, reference: 1) == 6 + row..<7 + row)
      let tokens = shape.entries(per: .token, rank: rank, prompt: place.prompt)
      #expect(tokens == offsets[row]..<offsets[row + 1])
      for token in tokens { #expect(shape.place(of: token, per: .token) == place) }
    }
    #expect(
      shape.start(per: .response, rank: 2, reference: 1) == 8 && shape.start(per: .token, rank: 2, reference: 1) == 10)
  }

  @Test(arguments: [Column.Extent.prompt, .response, .token])
  func entriesAndTheirPlaces(extent: Column.Extent) {
    let expected = entries(per: extent)
    withShape { shape in
      #expect(shape.count(of: Column("x", per: extent, perReference: true)) == expected.count)
      #expect(shape.count(of: Column("x", per: extent)) * Self.references == expected.count)
      for (entry, place) in expected.enumerated() {
        let found = shape.place(of: entry, per: extent)
        #expect(found == BatchShape.Place(prompt: place.prompt, rank: extent == .prompt ? nil : place.rank))
        let range = shape.entries(per: extent, rank: place.rank, prompt: place.prompt, reference: place.reference)
        let own = expected.indices.filter { expected[$0] == place }
        #expect(Array(range) == own)
      }
    }
  }

  @Test func responsesThatAPromptLacks() {
    withShape { shape in
      let existing = (0..<shape.rows).filter { shape.exists(shape.place(of: $0, per: .response)) }
      #expect(existing == [0, 1, 2, 3, 4, 7])
      #expect((0..<3).map(shape.responseCount) == [2, 3, 1])
      #expect(shape.exists(shape.place(of: 2, per: .prompt)))
      #expect(shape.entries(per: .token, rank: 1, prompt: 2).isEmpty)
    }
    #expect(BatchShape(prompts: 2, responses: 4, references: 0).responseCount(ofPrompt: 1) == 4)
  }

  @Test func words() {
    withShape { shape in
      #expect(shape.words(shape.place(of: 5, per: .response)) == "prompt 3, response 2")
      #expect(shape.words(shape.place(of: 1, per: .prompt)) == "prompt 2")
    }
    let single = BatchShape(prompts: 2, responses: 1, references: 0)
    #expect(single.words(single.place(of: 1, per: .response)) == "prompt 2")
  }

  /// Without offsets, and without prompts, there are no tokens.
  @Test func nothing() {
    #expect(BatchShape(prompts: 2, responses: 3, references: 1).count(of: .tokenLogProbability) == 0)
    BatchShape.with(prompts: 0, responses: 2, references: 1, counts: [], tokenOffsets: [0]) { shape in
      #expect(shape.tokens == 0 && shape.rows == 0)
      #expect(shape.count(of: .referenceTokenLogProbability) == 0)
    }
  }
}
