import LossKit

/// The tokens of a batch, contiguous and without padding.
///
/// A prompt is stored once, before its responses, each of which continues it. The model reads all but a response's last token; the
/// positions that predict a response's tokens (including its end token) are scored, and the first of them is the prompt's last position.
struct TokenBatch: Equatable {
  /// Consecutive tokens, which attend to those before them and to all of the prompt that they continue.
  struct Segment: Equatable {
    /// The rows of its tokens in `inputs`.
    var rows: Range<Int>
    /// The rows of its prompt's tokens; empty for a prompt.
    var prefix: Range<Int>

    /// The number of tokens up to the segment's end.
    var reach: Int { prefix.count + rows.count }
  }

  /// The ends of a prompt and its responses in the batch's arrays.
  private struct Ends: Equatable {
    var inputs = 0, segments = 0, responses = 0
  }

  /// The tokens the model reads.
  private(set) var inputs: [Int32] = []
  /// Prompts, each followed by its responses that have tokens to read.
  private(set) var segments: [Segment] = []
  /// The tokens to predict, response by response.
  private(set) var targets: [Int32] = []
  /// The row of `inputs` that predicts each target.
  private(set) var scoredRows: [Int] = []
  /// The start of each response in `targets`, followed by the total.
  private(set) var scoredStarts = [0]
  /// The index of each response in a column per response, rank-major.
  private(set) var rows: [Int] = []
  private var promptEnds = [Ends()]

  /// The largest number of tokens of a prompt with a response.
  var longest: Int { segments.reduce(0) { max($0, $1.reach) } }

  private init() {}

  /// Tokenizes all texts, prompt by prompt, and cuts them to a context. Throws for an empty response.
  init(_ texts: TextBatch, _ encoding: any TextEncoding, context: Int) throws {
    for prompt in 0..<texts.promptCount {
      let encoded = try encoding.encode(texts, prompt: prompt, context: context)
      guard !encoded.prompt.isEmpty else {
        throw Failure(
          "transformer: the prompt has no token, and this model's tokenizer puts none before it; give a prompt",
          prompt: prompt)
      }
      append(encoded, at: prompt, ofPrompts: texts.promptCount)
    }
  }

  /// Batches prompts whose texts are tokenized.
  init(_ prompts: [EncodedPrompt]) {
    for (index, prompt) in prompts.enumerated() { append(prompt, at: index, ofPrompts: prompts.count) }
  }

  /// Batches prompts alone; the last position of each is scored.
  init(prompts: [[Int32]]) {
    for prompt in prompts {
      let start = inputs.count
      inputs += prompt
      segments.append(Segment(rows: start..<inputs.count, prefix: start..<start))
      scoredRows.append(inputs.count - 1)
    }
    targets = [Int32](repeating: 0, count: prompts.count)
  }

  /// Batches tokens that continue texts kept elsewhere; all positions are scored.
  init(steps: [Int32]) {
    inputs = steps
    scoredRows = Array(steps.indices)
    targets = [Int32](repeating: 0, count: steps.count)
  }

  private mutating func append(_ encoded: EncodedPrompt, at index: Int, ofPrompts count: Int) {
    guard !encoded.responses.isEmpty else { return }
    let start = inputs.count
    inputs += encoded.prompt
    let prefix = start..<inputs.count
    segments.append(Segment(rows: prefix, prefix: start..<start))
    for (rank, response) in encoded.responses.enumerated() {
      append(response, to: prefix)
      rows.append(rank * count + index)
    }
    promptEnds.append(Ends(inputs: inputs.count, segments: segments.count, responses: rows.count))
  }

  private mutating func append(_ response: [Int32], to prefix: Range<Int>) {
    let start = inputs.count
    inputs += response.dropLast()
    if inputs.count > start { segments.append(Segment(rows: start..<inputs.count, prefix: prefix)) }
    targets += response
    if !response.isEmpty { scoredRows.append(prefix.upperBound - 1) }
    scoredRows += start..<inputs.count
    scoredStarts.append(targets.count)
  }

  /// The index of the response that a scored position belongs to.
  func row(ofScored position: Int) -> Int? {
    scoredStarts.dropFirst().firstIndex { $0 > position }.map { rows[$0 - 1] }
  }

  /// Splits the batch into at most `count` parts of whole prompts with about equally many tokens.
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
    // Parts are not split again.
    part.promptEnds = [
      Ends(), Ends(inputs: part.inputs.count, segments: part.segments.count, responses: part.rows.count),
    ]
    return part
  }
}
