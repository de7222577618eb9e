import LossKit

/// The sequences of a batch, back to back and without padding.
///
/// A sequence is the begin token, the prompt's bytes, the response's bytes and the end token. The model reads all but the last
/// token; the positions that predict the response's tokens (its end token included) are scored.
///
/// What does not fit the context of C tokens is cut. A response keeps its beginning: at most C − 1 tokens, its end token
/// included, so one cut short loses its end token. Then the prompt loses its beginning, by the same amount for all
/// responses of one prompt, until the longest of them fits.
struct TokenBatch: Equatable {
  /// The tokens the model reads.
  private(set) var inputs: [Int32] = []
  /// Where each sequence begins in `inputs`, and the end of the last.
  private(set) var starts = [0]
  /// The tokens to predict, sequence after sequence.
  private(set) var targets: [Int32] = []
  /// Where each sequence begins in `targets`, and the end of the last. The last positions of a sequence are scored.
  private(set) var scoredStarts = [0]
  /// The row of each sequence in a column per response, rank-major.
  private(set) var rows: [Int] = []

  var sequenceCount: Int { rows.count }
  /// The tokens of the longest sequence.
  var longest: Int { zip(starts, starts.dropFirst()).map { $1 - $0 }.max() ?? 0 }

  private init() {}

  /// The sequences of all texts, prompt after prompt. Throws for an empty response.
  init(_ texts: TextBatch, context: Int) throws {
    for prompt in 0..<texts.promptCount {
      let cut = try ResponseCut(texts, prompt: prompt, context: context)
      for (rank, length) in cut.lengths.enumerated() {
        let row = rank * texts.promptCount + prompt
        append(
          prompt: texts.prompt(prompt).dropFirst(cut.promptBytesCut), response: texts.response(rank, ofPrompt: prompt),
          length: length, row: row)
      }
    }
  }

  private mutating func append(
    prompt: Slice<UnsafeRawBufferPointer>, response: UnsafeRawBufferPointer, length: Int, row: Int
  ) {
    inputs.append(Token.begin)
    inputs.append(contentsOf: prompt.lazy.map { Int32($0) })
    inputs.append(contentsOf: response.prefix(length - 1).lazy.map { Int32($0) })
    starts.append(inputs.count)
    targets.append(contentsOf: response.prefix(length).lazy.map { Int32($0) })
    if length > response.count { targets.append(Token.end) }
    scoredStarts.append(targets.count)
    rows.append(row)
  }

  /// At most `count` parts of whole sequences with about equally many tokens.
  func split(into count: Int) -> [TokenBatch] {
    var parts: [TokenBatch] = []
    var first = 0
    for index in 1...max(1, count) {
      let share = inputs.count * index / max(1, count)
      var end = first
      while end < sequenceCount, starts[end + 1] <= share { end += 1 }
      if end > first { parts.append(part(first..<end)) }
      first = end
    }
    return parts
  }

  private func part(_ sequences: Range<Int>) -> TokenBatch {
    let (start, end) = (starts[sequences.lowerBound], starts[sequences.upperBound])
    let (scored, scoredEnd) = (scoredStarts[sequences.lowerBound], scoredStarts[sequences.upperBound])
    var part = TokenBatch()
    part.inputs = Array(inputs[start..<end])
    part.starts = starts[sequences.lowerBound...sequences.upperBound].map { $0 - start }
    part.targets = Array(targets[scored..<scoredEnd])
    part.scoredStarts = scoredStarts[sequences.lowerBound...sequences.upperBound].map { $0 - scored }
    part.rows = Array(rows[sequences])
    return part
  }
}

/// How one prompt and its responses are cut to fit the context.
struct ResponseCut {
  /// The tokens each response keeps, its end token included where it is kept.
  private(set) var lengths: [Int] = []
  /// The tokens each response loses.
  private(set) var responseTokensCut: [Int] = []
  /// The bytes that the prompt loses at its beginning.
  let promptBytesCut: Int

  init(_ texts: TextBatch, prompt: Int, context: Int) throws {
    for rank in 0..<texts.responseCount(ofPrompt: prompt) {
      let length = texts.response(rank, ofPrompt: prompt).count + 1
      guard length > 1 else {
        throw Failure("transformer: response \(rank) of prompt \(prompt) is empty; leave it out", prompt: prompt)
      }
      lengths.append(min(length, context - 1))
      responseTokensCut.append(max(0, length - (context - 1)))
    }
    let room = context - 1 - (lengths.max() ?? 0)
    promptBytesCut = max(0, texts.prompt(prompt).count - room)
  }
}
