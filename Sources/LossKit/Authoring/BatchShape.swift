package import CLossKit

/// The shape of a batch: the numbers of prompts, responses and references, and the places of the entries of its columns.
///
/// Columns are rank-major: response k of prompt g is row k·G + g, whether or not the prompt has that many responses. A ragged batch
/// holds the responses prompt by prompt instead, without such gaps: response k of prompt g is row `starts[g] + k`. The tokens of a row
/// start at `tokenOffsets[row]`. A column that is per reference has all its entries for the first reference, then for the next, and so on.
///
/// The arrays are borrowed. Creating, passing and using a shape allocates nothing.
package struct BatchShape {
  /// G, the number of prompts.
  package let prompts: Int
  /// K, the largest number of responses of a prompt.
  package let responses: Int
  /// R, the number of references.
  package let references: Int
  /// [G] the number of responses of each prompt; nil: K each.
  package let counts: UnsafePointer<UInt32>?
  /// [rows + 1] the start of each row's tokens, ascending from 0; nil if no column is per token.
  package let tokenOffsets: UnsafePointer<Int>?
  /// [G + 1] the row of each prompt's first response, in a ragged batch; nil in a rank-major one.
  package let starts: UnsafePointer<Int>?

  /// Creates a shape of borrowed arrays.
  package init(
    prompts: Int, responses: Int, references: Int, counts: UnsafePointer<UInt32>? = nil,
    tokenOffsets: UnsafePointer<Int>? = nil, starts: UnsafePointer<Int>? = nil
  ) {
    self.prompts = prompts
    self.responses = responses
    self.references = references
    self.counts = counts
    self.tokenOffsets = tokenOffsets
    self.starts = starts
  }

  /// Calls `body` with the shape that arrays describe.
  package static func with<Result>(
    prompts: Int, responses: Int, references: Int, counts: [UInt32]?, tokenOffsets: [Int]?,
    starts: [Int]? = nil, _ body: (BatchShape) throws -> Result
  ) rethrows -> Result {
    try withOptionalPointer(counts) { counts in
      try withOptionalPointer(tokenOffsets) { tokenOffsets in
        try withOptionalPointer(starts) { starts in
          try body(
            BatchShape(
              prompts: prompts, responses: responses, references: references, counts: counts,
              tokenOffsets: tokenOffsets, starts: starts))
        }
      }
    }
  }

  // MARK: Counts

  /// The number of rows: K·G, or the responses of all prompts in a ragged batch.
  package var rows: Int { starts?[prompts] ?? prompts * responses }

  /// T, the number of tokens of all rows.
  package var tokens: Int { tokenOffsets?[rows] ?? 0 }

  /// Whether a prompt has fewer than K responses.
  package var isMixed: Bool {
    guard let counts else { return false }
    return (0..<prompts).contains { counts[$0] != UInt32(responses) }
  }

  /// The number of responses a prompt has.
  package func responseCount(ofPrompt prompt: Int) -> Int { counts.map { Int($0[prompt]) } ?? responses }

  /// The number of entries a column has for one reference.
  package func count(per extent: Column.Extent) -> Int {
    switch extent {
    case .prompt: prompts
    case .response: rows
    case .token: tokens
    }
  }

  /// The number of entries a column has.
  package func count(per extent: Column.Extent, isPerReference: Bool) -> Int {
    isPerReference ? references * count(per: extent) : count(per: extent)
  }

  /// The number of entries a column has.
  package func count(of column: Column) -> Int { count(per: column.extent, isPerReference: column.isPerReference) }

  // MARK: Places

  /// The response, or the prompt, that an entry belongs to.
  package struct Place: Equatable {
    /// The prompt.
    package let prompt: Int
    /// The response's rank, 0 for the best; nil if the column is per prompt.
    package let rank: Int?

    /// Creates a place.
    package init(prompt: Int, rank: Int? = nil) {
      self.prompt = prompt
      self.rank = rank
    }
  }

  /// The row of a prompt's response.
  package func row(_ rank: Int, ofPrompt prompt: Int) -> Int {
    starts.map { $0[prompt] + rank } ?? rank * prompts + prompt
  }

  /// The first entry of a rank in a column, for one reference; of a column per prompt or per token, the reference's first.
  package func start(per extent: Column.Extent, rank: Int, reference: Int) -> Int {
    reference * count(per: extent) + (extent == .response ? rank * (starts == nil ? prompts : 1) : 0)
  }

  /// The entries of a prompt's response in a column, for one reference; of a column per prompt, the prompt's own.
  package func entries(per extent: Column.Extent, rank: Int, prompt: Int, reference: Int = 0) -> Range<Int> {
    let start = reference * count(per: extent), row = row(rank, ofPrompt: prompt)
    switch extent {
    case .prompt: return start + prompt..<start + prompt + 1
    case .response: return start + row..<start + row + 1
    case .token:
      guard let tokenOffsets else { return start..<start }
      return start + tokenOffsets[row]..<start + tokenOffsets[row + 1]
    }
  }

  /// The place of an entry of a column, for any reference.
  package func place(of entry: Int, per extent: Column.Extent) -> Place {
    let entry = entry % count(per: extent)
    let row: Int
    switch extent {
    case .prompt: return Place(prompt: entry)
    case .response: row = entry
    case .token: row = self.row(ofToken: entry)
    }
    guard let starts else { return Place(prompt: row % prompts, rank: row / prompts) }
    let prompt = last(of: prompts, in: starts, upTo: row)
    return Place(prompt: prompt, rank: row - starts[prompt])
  }

  /// The last row that starts at a token or before it; rows without tokens start where the next one does.
  private func row(ofToken token: Int) -> Int { tokenOffsets.map { last(of: rows, in: $0, upTo: token) } ?? 0 }

  /// The index of the last of the ascending starts that is at most `entry`.
  private func last(of count: Int, in starts: UnsafePointer<Int>, upTo entry: Int) -> Int {
    var low = 0, high = count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= entry { low = middle } else { high = middle }
    }
    return low
  }

  /// Whether the prompt has the response of a place.
  package func exists(_ place: Place) -> Bool { (place.rank ?? 0) < responseCount(ofPrompt: place.prompt) }

  /// A place in words, counted from 1; names the response if a prompt can have several.
  package func words(_ place: Place) -> String {
    guard responses > 1, let rank = place.rank else { return "prompt \(place.prompt + 1)" }
    return "prompt \(place.prompt + 1), response \(rank + 1)"
  }
}

extension losskit_frame {
  /// The shape of the call's batch.
  package var shape: BatchShape {
    BatchShape(
      prompts: prompts, responses: responses, references: references, counts: counts, tokenOffsets: token_offsets)
  }
}

extension losskit_texts {
  /// The shape of a batch of these texts.
  package func shape(references: Int = 0, tokenOffsets: UnsafePointer<Int>? = nil) -> BatchShape {
    BatchShape(
      prompts: prompts, responses: responses, references: references, counts: counts, tokenOffsets: tokenOffsets)
  }
}

/// Calls `body` with an array's elements, or NULL if there is no array.
package func withOptionalPointer<Element, Value>(
  _ array: [Element]?, _ body: (UnsafePointer<Element>?) throws -> Value
) rethrows -> Value {
  guard let array else { return try body(nil) }
  return try array.withUnsafeBufferPointer { try body($0.baseAddress) }
}
