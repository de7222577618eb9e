import LossKit

/// How texts become a model's tokens.
protocol TextEncoding {
  /// The tokens of a prompt, and those that each response adds; the first `fixedCount` of the prompt are not part of its text.
  func encode(
    prompt: UnsafeRawBufferPointer, responses: [UnsafeRawBufferPointer]
  ) throws -> (prompt: [Int32], responses: [[Int32]], fixedCount: Int)

  /// The encoding of texts of another form.
  func inForm(_ form: TextForm) throws -> any TextEncoding

  /// The text of tokens that follow those of a prompt.
  func decode(_ tokens: [Int32], after prompt: [Int32]) throws -> String

  /// The token that ends a response, if there is one.
  var endToken: Int32? { get }
}

extension TextEncoding {
  func inForm(_ form: TextForm) throws -> any TextEncoding {
    if form == .rendered {
      throw Failure("transformer: a model over bytes has no chat template, and takes no rendered conversations")
    }
    return self
  }

  /// Encodes a prompt of a batch and its responses and cuts them to a context. Throws for an empty response.
  func encode(_ texts: TextBatch, prompt: Int, context: Int) throws -> EncodedPrompt {
    let responses = (0..<texts.responseCount(ofPrompt: prompt)).map { texts.response($0, ofPrompt: prompt) }
    if let rank = responses.firstIndex(where: \.isEmpty) {
      throw Failure("transformer: response \(rank + 1) of prompt \(prompt + 1) is empty; leave it out", prompt: prompt)
    }
    do {
      let encoded = try encode(prompt: texts.prompt(prompt), responses: responses)
      return EncodedPrompt(
        prompt: encoded.prompt, responses: encoded.responses, fixedCount: encoded.fixedCount, context: context)
    } catch let failure as Failure {
      throw Failure(failure.message, prompt: prompt)
    }
  }
}

/// One token per byte: the begin token and a prompt's bytes, a response's bytes and the end token.
struct ByteEncoding: TextEncoding {
  func encode(
    prompt: UnsafeRawBufferPointer, responses: [UnsafeRawBufferPointer]
  ) -> (prompt: [Int32], responses: [[Int32]], fixedCount: Int) {
    ([Token.begin] + prompt.map { Int32($0) }, responses.map { $0.map { Int32($0) } + [Token.end] }, 1)
  }

  var endToken: Int32? { Token.end }

  /// Special tokens have no text. Bytes that are not UTF-8 become U+FFFD.
  func decode(_ tokens: [Int32], after prompt: [Int32]) -> String {
    String(decoding: tokens.compactMap { UInt8(exactly: $0) }, as: UTF8.self)
  }
}
