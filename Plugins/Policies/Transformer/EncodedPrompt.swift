import LossKit

/// The tokens of a prompt and its responses, cut to a context.
///
/// Texts that exceed the context of C tokens are cut. A response keeps its beginning, at most C − 1 tokens, so that a cut response loses
/// its end token. Then the prompt loses its beginning, but not its begin token, by the same amount for all responses of the prompt, until
/// the longest of them fits.
struct EncodedPrompt: Equatable {
  /// The prompt, from the begin token if there is one.
  private(set) var prompt: [Int32]
  /// The responses, which are scored, to the end token if they have one.
  private(set) var responses: [[Int32]]
  /// The number of tokens that each response lost.
  private(set) var responseTokensCut: [Int]
  /// The number of tokens that the prompt lost.
  private(set) var promptTokensCut = 0

  /// Cuts tokens to the context. The first `fixedCount` tokens of the prompt stay.
  init(prompt: [Int32], responses: [[Int32]], fixedCount: Int, context: Int) {
    let limit = max(1, context - 1)
    self.responses = responses.map { Array($0.prefix(limit)) }
    responseTokensCut = responses.map { max(0, $0.count - limit) }
    let longest = self.responses.reduce(0) { max($0, $1.count) }
    let room = max(1, context - longest), fixed = min(fixedCount, room)
    promptTokensCut = max(0, prompt.count - room)
    self.prompt = Array(prompt.prefix(fixed) + prompt.dropFirst(fixed + promptTokensCut))
  }
}
