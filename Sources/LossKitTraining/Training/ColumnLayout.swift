import LossKit

/// The positions of each prompt's, response's and token's entries in a column.
///
/// A call of a policy is rank-major: response k of prompt g has index k·G + g, and ranks that a prompt lacks are padding. Columns of a whole
/// data set, and of a batch of rankings of different lengths, hold the responses prompt by prompt without padding.
struct ColumnLayout: Equatable {
  /// The number of responses of each prompt.
  let counts: [Int]
  /// The largest number of responses of a prompt, K.
  let responses: Int
  /// Whether responses stand prompt by prompt.
  let isRagged: Bool
  /// The index of each prompt's best response.
  private let starts: [Int]
  private let responseTotal: Int
  /// The offset of each response's first token, followed by the total.
  let tokenOffsets: [Int]

  /// The rank-major layout; `tokenCount` returns the number of tokens of a response.
  static func rankMajor(counts: [Int], tokenCount: (_ prompt: Int, _ rank: Int) -> Int) -> ColumnLayout {
    let responses = counts.max() ?? 0
    var offsets = [0]
    offsets.reserveCapacity(responses * counts.count + 1)
    for rank in 0..<responses {
      for (prompt, count) in counts.enumerated() {
        offsets.append((offsets.last ?? 0) + (rank < count ? tokenCount(prompt, rank) : 0))
      }
    }
    return ColumnLayout(
      counts: counts, responses: responses, isRagged: false, starts: Array(counts.indices),
      responseTotal: responses * counts.count, tokenOffsets: offsets)
  }

  /// The layout without padding; `tokenCounts` are those of the responses in prompt order.
  static func ragged(counts: [Int], tokenCounts: [Int]) -> ColumnLayout {
    var starts: [Int] = []
    var total = 0
    for count in counts {
      starts.append(total)
      total += count
    }
    var offsets = [0]
    for count in tokenCounts { offsets.append((offsets.last ?? 0) + count) }
    return ColumnLayout(
      counts: counts, responses: counts.max() ?? 0, isRagged: true, starts: starts, responseTotal: total,
      tokenOffsets: offsets)
  }

  /// The number of prompts, G.
  var prompts: Int { counts.count }

  /// The index of a prompt's response of the given rank.
  func response(_ rank: Int, ofPrompt prompt: Int) -> Int { starts[prompt] + rank * (isRagged ? 1 : prompts) }

  /// The number of entries of a column (per reference, if there are several).
  func count(of extent: Column.Extent) -> Int {
    switch extent {
    case .prompt: prompts
    case .response: responseTotal
    case .token: tokenOffsets.last ?? 0
    }
  }

  private func range(of extent: Column.Extent, prompt: Int, rank: Int) -> Range<Int> {
    let response = response(rank, ofPrompt: prompt)
    return switch extent {
    case .prompt: prompt..<prompt + 1
    case .response: response..<response + 1
    case .token: tokenOffsets[response]..<tokenOffsets[response + 1]
    }
  }

  /// Copies prompts of one column to a column of another layout, for one reference. `prompts` pairs each prompt here with its prompt in
  /// the other layout.
  func copy(
    _ column: [Double], to other: inout [Double], in layout: ColumnLayout, extent: Column.Extent,
    prompts: some Sequence<(Int, Int)>, reference: Int = 0, otherReference: Int = 0
  ) {
    let from = reference * count(of: extent)
    let to = otherReference * layout.count(of: extent)
    for (here, there) in prompts {
      for rank in 0..<(extent == .prompt ? 1 : counts[here]) {
        let source = range(of: extent, prompt: here, rank: rank)
        let target = layout.range(of: extent, prompt: there, rank: rank)
        for offset in 0..<source.count {
          other[to + target.lowerBound + offset] = column[from + source.lowerBound + offset]
        }
      }
    }
  }
}
