/// How responses are drawn from a policy. The filters apply in the order of Hugging Face's `generate`: repetition penalty, temperature,
/// top-k, top-p, min-p.
public struct SamplingSettings: Sendable, Equatable {
  /// The number of responses to each prompt.
  public var samples = 1
  /// The largest number of tokens of a response, its end token included.
  public var maxTokens = 256
  /// The number of responses that are computed at once; it affects time and memory only.
  public var batchSize = 16
  /// The number of most likely tokens to draw from, and those as likely as the last of them; 0 for all.
  public var topK = 0
  /// The divisor of the logits; at 0, each token is the most likely one.
  public var temperature = 1.0
  /// The probability of the smallest set of most likely tokens to draw from; 1 for all.
  public var topP = 1.0
  /// The smallest probability of a token to draw, relative to that of the most likely one; 0 for all.
  public var minP = 0.0
  /// The divisor of the logits, or factor if they are negative, of tokens in the prompt and in the response so far.
  public var repetitionPenalty = 1.0
  /// The seed of the random numbers. A sample depends on the seed, the number of its prompt and its own number.
  public var seed: UInt64 = 0
  /// The number of the first prompt of a call; the others follow.
  public var firstPrompt: UInt64 = 0

  /// Creates the default settings: one sample per prompt from the distribution itself.
  public init() {}

  /// Throws for a setting out of bounds.
  public func validate() throws {
    func check(_ holds: Bool, _ name: String, _ value: String, _ expected: String) throws {
      if !holds { throw Failure("invalid value \(value) for \(name) of samples; expected \(expected)") }
    }
    try check((1...1 << 20).contains(samples), "the number", "\(samples)", "1 to \(1 << 20)")
    try check((1...1 << 24).contains(maxTokens), "the largest number of tokens", "\(maxTokens)", "1 to \(1 << 24)")
    try check((1...1 << 12).contains(batchSize), "the batch size", "\(batchSize)", "1 to \(1 << 12)")
    try check(topK >= 0, "top_k", "\(topK)", "at least 0")
    try check(
      temperature == 0 || (1e-3...1e3).contains(temperature), "the temperature", roundTripDecimal(temperature),
      "0, or a number from 0.001 to 1000")
    try check(topP > 0 && topP <= 1, "top_p", roundTripDecimal(topP), "a number above 0, up to 1")
    try check((0...1).contains(minP), "min_p", roundTripDecimal(minP), "a number from 0 to 1")
    try check(
      (1e-3...1e3).contains(repetitionPenalty), "the repetition penalty", roundTripDecimal(repetitionPenalty),
      "a number from 0.001 to 1000")
  }
}

/// A response drawn from a policy.
public struct Sample: Sendable, Equatable {
  /// Why a response ends.
  public enum Finish: UInt32, Sendable {
    /// At the largest number of tokens, or at the end of the context; there is no end token.
    case length = 0
    /// At an end token.
    case end = 1
  }

  /// The index of the prompt in the call.
  public var prompt: Int
  /// The number of the response among those to the prompt, from 0.
  public var number: Int
  /// The text, without the end token.
  public var text: String
  /// The number of tokens, including the end token.
  public var tokenCount: Int
  /// The tokens, including the end token; empty if the policy has no numbers of tokens.
  public var tokens: [UInt32]
  /// Why it ends.
  public var finish: Finish
  /// The sum of the tokens' log-probabilities in nats, under the policy's own distribution: at temperature 1 and without filters.
  public var logProbability: Double

  /// Creates a sample.
  public init(
    prompt: Int, number: Int, text: String, tokenCount: Int, tokens: [UInt32] = [], finish: Finish,
    logProbability: Double
  ) {
    self.prompt = prompt
    self.number = number
    self.text = text
    self.tokenCount = tokenCount
    self.tokens = tokens
    self.finish = finish
    self.logProbability = logProbability
  }
}

/// A provider that draws responses to prompts.
public protocol ResponseSampler: LogProbabilityProvider {
  /// Passes `settings.samples` responses to each prompt to `receive`, in any order, and between them, now and then, nil. Returns as soon
  /// as `receive` returns false. Throws a `Failure` with the prompt's index for a prompt without room for a token in the context, and for
  /// probabilities that are not numbers.
  func sample(_ prompts: [String], _ settings: SamplingSettings, receive: (Sample?) throws -> Bool) throws
}
