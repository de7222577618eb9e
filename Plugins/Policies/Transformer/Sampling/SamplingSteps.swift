import LossKit
import LossKitHead
import LossKitLogits

/// The forward passes of sampling, and the choice of tokens.
final class SamplingSteps {
  /// The approximate number of prompt tokens that are read at once.
  static let tokensAtOnce = 2048

  private let model: LlamaModel
  private let filters: SamplingFilters
  private let activations: Activations
  private let workspace: Workspace
  /// The logits of a pass, [rows, vocabulary], memory for filters per thread, and memory for attention.
  private let logits, filterMemory, attentionMemory: FloatBuffer

  private var vocabularySize: Int { model.architecture.vocabularySize }

  init(_ model: LlamaModel, _ filters: SamplingFilters) throws {
    self.model = model
    self.filters = filters
    activations = try Activations(model.architecture, isKept: false)
    workspace = try Workspace(model)
    logits = try FloatBuffer(count: 0)
    filterMemory = try FloatBuffer(count: 0)
    attentionMemory = try FloatBuffer(count: 0)
  }

  /// Reads prompts: fills their caches and logits.
  func prefill(_ prompts: [PendingPrompt]) throws {
    guard !prompts.isEmpty else { return }
    for prompt in prompts { try prompt.cache.reserve(prompt.tokens.count) }
    try pass(
      TokenBatch(prompts: prompts.map(\.tokens)),
      PrefillAttention(architecture: model.architecture, caches: prompts.map(\.cache)))
    for (index, prompt) in prompts.enumerated() {
      prompt.cache.advance(prompt.tokens.count)
      prompt.logits.pointer.update(from: logits.pointer + index * vocabularySize, count: vocabularySize)
    }
  }

  /// Reads the last token of each response, and returns the logits of the next.
  func decode(_ responses: [GrowingResponse]) throws -> [UnsafePointer<Float>] {
    for response in responses { try response.cache.reserve(1) }
    var groups: [DecodingAttention.Group] = [], first = 0
    while first < responses.count {
      let prompt = responses[first].prompt
      let end = responses[first...].firstIndex { $0.prompt !== prompt } ?? responses.count
      groups.append(
        DecodingAttention.Group(
          prompt: prompt.cache, continuations: responses[first..<end].map(\.cache), rows: first..<end))
      first = end
    }
    let attention = try DecodingAttention(model.architecture, groups, memory: attentionMemory)
    try pass(TokenBatch(steps: responses.compactMap(\.tokens.last)), attention)
    for response in responses { response.cache.advance(1) }
    return responses.indices.map { UnsafePointer(logits.pointer + $0 * vocabularySize) }
  }

  private func pass(_ batch: TokenBatch, _ attention: any AttentionPass) throws {
    try model.forward(batch, activations, workspace, scoring: nil, attention: attention)
    let rows = batch.scoredRows.count
    try logits.reserve(rows * vocabularySize)
    try model.writeLogits(activations, workspace, rows: rows, into: logits.pointer)
  }

  /// Draws the next token of each response from its logits. Throws, naming the prompt, for logits that are not numbers.
  func choose(
    for responses: [GrowingResponse], logits: [UnsafePointer<Float>]
  ) throws -> [(token: Int32, logProbability: Double)] {
    let count = vocabularySize
    try filterMemory.reserve(2 * count * Team.size)
    var tokens = [Int32](repeating: 0, count: responses.count),
      logProbabilities = [Double](repeating: 0, count: responses.count)
    try tokens.withUnsafeMutableBufferPointer { tokens in
      try logProbabilities.withUnsafeMutableBufferPointer { logProbabilities in
        try Team.run(
          responses.count, fewest: (1 << 13) / count + 1,
          throwing: { member, range in
            let memory = filterMemory.pointer + 2 * count * member
            for index in range {
              let token = draw(responses[index], logits[index], memory: memory)
              let row = LogitMatrix(
                UnsafeMutableRawPointer(mutating: logits[index]), tokenCount: 1, vocabularySize: count)
              tokens[index] = token
              logProbabilities[index] = try scored(row, token, responses[index])
            }
          })
      }
    }
    return Array(zip(tokens, logProbabilities))
  }

  /// The log-probability of a token, by the logits as they are.
  private func scored(_ row: LogitMatrix, _ token: Int32, _ response: GrowingResponse) throws -> Double {
    do {
      return try LogProbabilities(of: row, labels: TokenLabels([token]), threads: 1).values[0]
    } catch is Failure {
      throw Failure(
        "transformer: after \(response.tokens.count) tokens of response \(response.number + 1), the logits are not numbers; the "
          + "weights have diverged", prompt: response.prompt.index)
    }
  }

  private func draw(
    _ response: GrowingResponse, _ logits: UnsafePointer<Float>, memory: UnsafeMutablePointer<Float>
  ) -> Int32 {
    let count = vocabularySize, weights = memory + count
    memory.update(from: logits, count: count)
    filters.penalize(memory, response.previous)
    if filters.isGreedy { return Int32(SamplingFilters.mostLikely(memory, count: count)) }
    filters.makeWeights(weights, from: memory, count: count)
    return Int32(
      SamplingFilters.token(at: response.seed.fraction(response.tokens.count), of: weights, count: count))
  }
}
