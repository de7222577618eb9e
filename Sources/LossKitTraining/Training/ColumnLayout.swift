import LossKit

/// Where the entries of each prompt, response and token stand in a column.
///
/// A batch is rank-major: response k of prompt g is response k·G + g, and ranks that a prompt lacks take up room. What is kept of
/// a whole data set is prompt-major and without gaps.
struct ColumnLayout: Equatable {
  /// How many responses each prompt has.
  let counts: [Int]
  /// The most responses a prompt has, K.
  let responses: Int
  /// The number of each prompt's best response, and how far apart the numbers of two ranks are.
  private let starts: [Int]
  private let stride: Int
  private let responseTotal: Int
  /// Where each response's tokens start, and the end.
  let tokenOffsets: [Int]

  /// The layout of a batch. `tokenCount` says how many tokens a prompt's response of a rank has.
  static func batch(counts: [Int], tokenCount: (_ prompt: Int, _ rank: Int) -> Int) -> ColumnLayout {
    let responses = counts.max() ?? 0
    var offsets = [0]
    offsets.reserveCapacity(responses * counts.count + 1)
    for rank in 0..<responses {
      for (prompt, count) in counts.enumerated() {
        offsets.append((offsets.last ?? 0) + (rank < count ? tokenCount(prompt, rank) : 0))
      }
    }
    return ColumnLayout(
      counts: counts, responses: responses, starts: Array(counts.indices), stride: counts.count,
      responseTotal: responses * counts.count, tokenOffsets: offsets)
  }

  /// The layout of what is kept of a data set; `tokenCounts` are those of its responses, prompt by prompt.
  static func dataset(counts: [Int], tokenCounts: [Int]) -> ColumnLayout {
    var starts: [Int] = []
    var total = 0
    for count in counts {
      starts.append(total)
      total += count
    }
    var offsets = [0]
    for count in tokenCounts { offsets.append((offsets.last ?? 0) + count) }
    return ColumnLayout(
      counts: counts, responses: counts.max() ?? 0, starts: starts, stride: 1, responseTotal: total,
      tokenOffsets: offsets)
  }

  /// How many prompts there are, G.
  var prompts: Int { counts.count }

  /// The number of a prompt's response of a rank.
  func response(_ rank: Int, ofPrompt prompt: Int) -> Int { starts[prompt] + rank * stride }

  /// How many entries a column has, for one reference where there are several.
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

  /// Copies the entries of prompts of one column to a column of another layout, for one reference. `prompts` pairs each prompt here with
  /// the one there.
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
