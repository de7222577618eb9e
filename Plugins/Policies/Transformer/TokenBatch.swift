import LossKit

/// The tokens of a batch, back to back and without padding.
///
/// A prompt is the begin token and its bytes. It stands once, before its responses, each of which goes on from it: the bytes
/// of the response and the end token. The model reads all but a response's last token; the positions that predict the response's
/// tokens (its end token included) are scored, the first of them being the prompt's last.
///
/// What does not fit the context of C tokens is cut. A response keeps its beginning: at most C − 1 tokens, its end token
/// included, so one cut short loses its end token. Then the prompt loses its beginning, by the same amount for all
/// responses of one prompt, until the longest of them fits.
struct TokenBatch: Equatable {
  /// Tokens in a row, which attend to what is before them and to all of the prompt that they go on from.
  struct Segment: Equatable {
    /// Where its tokens are in `inputs`.
    var rows: Range<Int>
    /// Where the tokens of its prompt are; none for a prompt itself.
    var prefix: Range<Int>

    /// The tokens before the segment's end.
    var reach: Int { prefix.count + rows.count }
  }

  /// Where a prompt and its responses end in the batch's arrays.
  private struct Ends: Equatable {
    var inputs = 0, segments = 0, responses = 0
  }

  /// The tokens the model reads.
  private(set) var inputs: [Int32] = []
  /// Prompts, each followed by its responses, where these have tokens to read.
  private(set) var segments: [Segment] = []
  /// The tokens to predict, response after response.
  private(set) var targets: [Int32] = []
  /// The place in `inputs` from which each target is predicted.
  private(set) var scoredRows: [Int] = []
  /// Where each response begins in `targets`, and the end of the last.
  private(set) var scoredStarts = [0]
  /// The row of each response in a column per response, rank-major.
  private(set) var rows: [Int] = []
  private var promptEnds = [Ends()]

  /// The tokens of the longest prompt with a response.
  var longest: Int { segments.reduce(0) { max($0, $1.reach) } }

  private init() {}

  /// All texts, prompt after prompt. Throws for an empty response.
  init(_ texts: TextBatch, context: Int) throws {
    for prompt in 0..<texts.promptCount {
      let cut = try ResponseCut(texts, prompt: prompt, context: context)
      guard !cut.lengths.isEmpty else { continue }
      let prefix = appendPrompt(texts.prompt(prompt).dropFirst(cut.promptBytesCut))
      for (rank, length) in cut.lengths.enumerated() {
        appendResponse(texts.response(rank, ofPrompt: prompt), length: length, to: prefix)
        rows.append(rank * texts.promptCount + prompt)
      }
      promptEnds.append(Ends(inputs: inputs.count, segments: segments.count, responses: rows.count))
    }
  }

  private mutating func appendPrompt(_ bytes: Slice<UnsafeRawBufferPointer>) -> Range<Int> {
    let start = inputs.count
    inputs.append(Token.begin)
    inputs.append(contentsOf: bytes.lazy.map { Int32($0) })
    segments.append(Segment(rows: start..<inputs.count, prefix: start..<start))
    return start..<inputs.count
  }

  private mutating func appendResponse(_ response: UnsafeRawBufferPointer, length: Int, to prefix: Range<Int>) {
    let start = inputs.count
    inputs.append(contentsOf: response.prefix(length - 1).lazy.map { Int32($0) })
    if inputs.count > start { segments.append(Segment(rows: start..<inputs.count, prefix: prefix)) }
    targets.append(contentsOf: response.prefix(length).lazy.map { Int32($0) })
    if length > response.count { targets.append(Token.end) }
    scoredRows.append(prefix.upperBound - 1)
    scoredRows.append(contentsOf: start..<inputs.count)
    scoredStarts.append(targets.count)
  }

  /// The row of the response that a scored position belongs to.
  func row(ofScored position: Int) -> Int? {
    scoredStarts.dropFirst().firstIndex { $0 > position }.map { rows[$0 - 1] }
  }

  /// At most `count` parts of whole prompts with about equally many tokens.
  func split(into count: Int) -> [TokenBatch] {
    var parts: [TokenBatch] = []
    var first = 0
    for index in 1...max(1, count) {
      let share = inputs.count * index / max(1, count)
      var end = first
      while end + 1 < promptEnds.count, promptEnds[end + 1].inputs <= share { end += 1 }
      if end > first { parts.append(part(promptEnds[first], promptEnds[end])) }
      first = end
    }
    return parts
  }

  private func part(_ start: Ends, _ end: Ends) -> TokenBatch {
    func moved(_ range: Range<Int>) -> Range<Int> { range.lowerBound - start.inputs..<range.upperBound - start.inputs }
    let scored = scoredStarts[start.responses]..<scoredStarts[end.responses]
    var part = TokenBatch()
    part.inputs = Array(inputs[start.inputs..<end.inputs])
    part.segments = segments[start.segments..<end.segments].map {
      Segment(rows: moved($0.rows), prefix: moved($0.prefix))
    }
    part.targets = Array(targets[scored])
    part.scoredRows = scoredRows[scored].map { $0 - start.inputs }
    part.scoredStarts = scoredStarts[start.responses...end.responses].map { $0 - scored.lowerBound }
    part.rows = Array(rows[start.responses..<end.responses])
    // A part is not split again.
    part.promptEnds = [
      Ends(), Ends(inputs: part.inputs.count, segments: part.segments.count, responses: part.rows.count),
    ]
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
        throw Failure(
          "transformer: response \(rank + 1) of prompt \(prompt + 1) is empty; leave it out", prompt: prompt)
      }
      lengths.append(min(length, context - 1))
      responseTokensCut.append(max(0, length - (context - 1)))
    }
    let room = context - 1 - (lengths.max() ?? 0)
    promptBytesCut = max(0, texts.prompt(prompt).count - room)
  }
}
