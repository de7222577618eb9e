import LossKit
import LossKitJSON
import LossKitTokenizer

/// The tokens of a Hugging Face model, by its `tokenizer.json`, with the rule of TRL's trainers for where a response begins.
///
/// The prompt and the prompt with each response are tokenized as whole texts. What the prompt's tokens have in common with all of those is
/// the prompt, and what follows is the response, so that a token that spans the boundary belongs to the response.
struct ModelEncoding: TextEncoding {
  let tokenizer: Tokenizer
  /// The text of the end token, if the model has one.
  let endText: String?
  /// The begin token, if the model has one; it stays when a prompt is cut.
  let beginToken: Int32?
  /// In plain text, the tokenizer's own tokens are put before it, and the end token after a response that does not end with it; in
  /// rendered conversations, special tokens stand in the text.
  private(set) var form = TextForm.plain

  /// Reads the tokenizer among a model's files; nil if there is none. Throws if it has tokens that the model lacks.
  init?(_ files: CompanionFiles, _ configuration: ModelConfiguration, directory: String) throws {
    let path = directory + "/" + CompanionFiles.tokenizerName
    guard let content = files[CompanionFiles.tokenizerName] else { return nil }
    let tokenizer = try Tokenizer(content, name: path)
    self.tokenizer = tokenizer
    let rows = configuration.options.architecture.vocabularySize
    guard tokenizer.vocabularySize <= rows else {
      throw Failure(
        "transformer: \(path) has \(tokenizer.vocabularySize) tokens, the model's embedding has \(rows) rows (vocab_size); "
          + "they belong to different models")
    }
    let settings = try Self.settings(files, directory)
    let named = try Self.text(of: "eos_token", in: settings)
    endText = try named ?? configuration.endTokens.first.map { try tokenizer.decode([Int32(clamping: $0)]) }
    beginToken =
      try Self.text(of: "bos_token", in: settings).flatMap(tokenizer.token)
      ?? configuration.beginToken.map(Int32.init(clamping:))
  }

  private static func settings(_ files: CompanionFiles, _ directory: String) throws -> JSONObject? {
    let name = CompanionFiles.tokenizerConfigurationName
    return try files[name].map { try JSONObject.read($0, place: "transformer: \(directory)/\(name)") { $0 } }
  }

  /// A special token's text: a string, or the content of an object.
  private static func text(of name: String, in settings: JSONObject?) throws -> String? {
    guard let value = settings?.value(name) else { return nil }
    return value.string ?? value.object?["content"]?.string
  }

  func inForm(_ form: TextForm) -> any TextEncoding {
    var encoding = self
    encoding.form = form
    return encoding
  }

  func encode(
    prompt: UnsafeRawBufferPointer, responses: [UnsafeRawBufferPointer]
  ) throws -> (prompt: [Int32], responses: [[Int32]], fixedCount: Int) {
    let prompt = String(decoding: prompt, as: UTF8.self)
    let promptTokens = try tokens(of: prompt)
    let wholes = try responses.map { try tokens(of: prompt + ended(String(decoding: $0, as: UTF8.self))) }
    let common = wholes.reduce(promptTokens.count) { min($0, Self.commonCount(promptTokens, $1)) }
    let isBegun = promptTokens.first == beginToken && common > 0
    return (Array(promptTokens.prefix(common)), wholes.map { Array($0.dropFirst(common)) }, isBegun ? 1 : 0)
  }

  var endToken: Int32? { endText.flatMap(tokenizer.token) }

  /// Decodes the prompt, too, because a decoder may treat the beginning of a text in another way. Tokens of the model that the tokenizer
  /// lacks have no text.
  func decode(_ tokens: [Int32], after prompt: [Int32]) throws -> String {
    let known = tokens.filter { $0 < tokenizer.vocabularySize }
    let before = try tokenizer.decode(prompt).utf8, whole = try tokenizer.decode(prompt + known).utf8
    guard whole.starts(with: before) else { return try tokenizer.decode(known) }
    return String(decoding: whole.dropFirst(before.count), as: UTF8.self)
  }

  private func tokens(of text: String) throws -> [Int32] {
    try tokenizer.encode(text, addingSpecialTokens: form == .plain).tokens
  }

  private func ended(_ response: String) -> String {
    guard form == .plain, let endText, !response.hasSuffix(endText) else { return response }
    return response + endText
  }

  private static func commonCount(_ first: [Int32], _ second: [Int32]) -> Int {
    zip(first, second).prefix { $0 == $1 }.count
  }
}
