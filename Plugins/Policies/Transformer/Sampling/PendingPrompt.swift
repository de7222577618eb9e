import LossKitHead

/// A prompt whose keys and values are cached, and whose responses are being started.
final class PendingPrompt {
  let index: Int
  let tokens: [Int32]
  let cache: KeyValueCache
  /// The logits of the first token of each response.
  let logits: FloatBuffer
  /// The number of responses that are started.
  var started = 0

  init(_ index: Int, _ tokens: [Int32], cache: KeyValueCache, vocabularySize: Int) throws {
    self.index = index
    self.tokens = tokens
    self.cache = cache
    logits = try FloatBuffer(count: vocabularySize)
  }
}

/// A response that grows by a token at a time.
final class GrowingResponse {
  let prompt: PendingPrompt
  let number: Int
  let seed: SampleSeed
  /// The keys and values of all tokens but the last.
  let cache: KeyValueCache
  private(set) var tokens: [Int32] = []
  private(set) var logProbability = 0.0
  /// The tokens of the prompt and the response; empty if no filter asks for them.
  private(set) var previous: Set<Int32> = []

  init(_ prompt: PendingPrompt, _ architecture: Architecture, _ settings: SampleSeed, isRemembering: Bool) throws {
    self.prompt = prompt
    number = prompt.started
    seed = settings
    cache = try KeyValueCache(architecture)
    if isRemembering { previous = Set(prompt.tokens) }
  }

  func append(_ token: Int32, logProbability: Double) {
    tokens.append(token)
    self.logProbability += logProbability
    if !previous.isEmpty { previous.insert(token) }
  }
}
