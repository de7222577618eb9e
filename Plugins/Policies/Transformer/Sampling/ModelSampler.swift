import LossKit
import LossKitHead
import LossKitLogits

/// Draws responses to prompts from a model.
///
/// A prompt is read once for all its responses. Up to `batchSize` responses grow together by a token at a time; those that end make room
/// for others.
final class ModelSampler {
  private let model: LlamaModel
  private let encoding: any TextEncoding
  private let endTokens: Set<Int32>
  private let context: Int
  private let settings: SamplingSettings
  private let filters: SamplingFilters
  private let steps: SamplingSteps
  private var live: [GrowingResponse] = []
  /// Prompts that are read and have responses to start, in order.
  private var pending: [PendingPrompt] = []

  init(
    _ model: LlamaModel, _ encoding: any TextEncoding, endTokens: Set<Int32>, context: Int, _ settings: SamplingSettings
  ) throws {
    self.model = model
    self.encoding = encoding
    self.endTokens = endTokens
    self.context = context
    self.settings = settings
    filters = SamplingFilters(
      topK: settings.topK, temperature: settings.temperature, topP: settings.topP, minP: settings.minP,
      repetitionPenalty: settings.repetitionPenalty)
    steps = try SamplingSteps(model, filters)
  }

  /// Samples from prompts; see `ResponseSampler`.
  func run(_ prompts: [String], receive: (Sample?) throws -> Bool) throws {
    let encoded = try prompts.enumerated().map { try tokens(of: $1, at: $0) }
    model.prepare(positions: context)
    var next = 0
    while true {
      let starting = try start(encoded, &next)
      try choose(for: starting, logits: starting.map { UnsafePointer($0.prompt.logits.pointer) })
      live += starting
      guard try removeFinished(receive), try receive(nil) else { return }
      if live.isEmpty {
        if next == encoded.count, pending.isEmpty { return }
        continue
      }
      // Starting others first keeps the batch full.
      if live.count < settings.batchSize, next < encoded.count || !pending.isEmpty { continue }
      let logits = try steps.decode(live)
      try choose(for: live, logits: logits)
      guard try removeFinished(receive) else { return }
    }
  }

  /// The tokens of a prompt, which must leave room for a token in the context.
  private func tokens(of prompt: String, at index: Int) throws -> [Int32] {
    var prompt = prompt
    let tokens = try prompt.withUTF8 { bytes in
      try encoding.encode(prompt: UnsafeRawBufferPointer(bytes), responses: []).prompt
    }
    guard !tokens.isEmpty else {
      throw Failure(
        "transformer: the prompt has no token, and this model's tokenizer puts none before it", prompt: index)
    }
    guard tokens.count < context else {
      throw Failure(
        "transformer: the prompt has \(tokens.count) tokens, which leaves no room for a response in the context of \(context) "
          + "(max_length); leave the prompt out or shorten it", prompt: index)
    }
    return tokens
  }

  /// Responses that take the free places of the batch, after their prompts are read.
  private func start(_ prompts: [[Int32]], _ next: inout Int) throws -> [GrowingResponse] {
    var free = settings.batchSize - live.count
    let unread = pending.reduce(0) { $0 + settings.samples - $1.started }
    var reading: [PendingPrompt] = [], room = free - unread
    while room > 0, next < prompts.count, reading.reduce(0, { $0 + $1.tokens.count }) < SamplingSteps.tokensAtOnce {
      reading.append(
        try PendingPrompt(
          next, prompts[next], cache: KeyValueCache(model.architecture),
          vocabularySize: model.architecture.vocabularySize))
      next += 1
      room -= settings.samples
    }
    try steps.prefill(reading)
    pending += reading
    var starting: [GrowingResponse] = []
    while free > 0, let prompt = pending.first {
      let seed = SampleSeed(
        settings.seed, prompt: settings.firstPrompt &+ UInt64(prompt.index), number: prompt.started)
      starting.append(
        try GrowingResponse(prompt, model.architecture, seed, isRemembering: settings.repetitionPenalty != 1))
      prompt.started += 1
      free -= 1
      if prompt.started == settings.samples { pending.removeFirst() }
    }
    return starting
  }

  /// Appends a token to each response, given the logits of each.
  private func choose(for responses: [GrowingResponse], logits: [UnsafePointer<Float>]) throws {
    let choices = try steps.choose(for: responses, logits: logits)
    for (response, choice) in zip(responses, choices) {
      response.append(choice.token, logProbability: choice.logProbability)
    }
  }

  /// Passes on the responses that have ended; returns whether to go on.
  private func removeFinished(_ receive: (Sample?) throws -> Bool) throws -> Bool {
    var rest: [GrowingResponse] = []
    for (index, response) in live.enumerated() {
      if let finish = finish(response) {
        guard try receive(sample(response, finish)) else {
          live = rest + live[(index + 1)...]
          return false
        }
      } else {
        rest.append(response)
      }
    }
    live = rest
    return true
  }

  private func finish(_ response: GrowingResponse) -> Sample.Finish? {
    if let last = response.tokens.last, endTokens.contains(last) { return .end }
    let count = response.tokens.count
    return count >= settings.maxTokens || response.prompt.tokens.count + count >= context ? .length : nil
  }

  private func sample(_ response: GrowingResponse, _ finish: Sample.Finish) throws -> Sample {
    let text = response.tokens.dropLast(finish == .end ? 1 : 0)
    return Sample(
      prompt: response.prompt.index, number: response.number,
      text: try encoding.decode(Array(text), after: response.prompt.tokens), tokenCount: response.tokens.count,
      tokens: response.tokens.map { UInt32(bitPattern: $0) }, finish: finish, logProbability: response.logProbability)
  }
}
