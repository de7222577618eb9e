import LossKit
import LossKitJSON
import LossKitSystem
import Synchronization

/// A tokenizer of byte-pair encoding, as Hugging Face's tokenizers write it into tokenizer.json.
///
/// It reads byte-level vocabularies (GPT-2, Llama 3, Qwen, SmolLM2) and those of characters with byte fallback (Llama 2, Mistral, Gemma,
/// Phi-3). Truncation and padding, which a file may ask for, are the caller's. Any number of threads may use it.
public final class Tokenizer: Sendable {
  /// A text as tokens.
  public struct Encoding: Sendable, Equatable {
    /// The numbers of the tokens.
    public var tokens: [Int32] = []
    /// The number of bytes of the text that no token stands for, and that are dropped.
    public var droppedBytes = 0
  }

  private struct Cache {
    /// The index of a piece's tokens in `tokens`.
    var places = ByteTable()
    var tokens: [[Int32]] = []
  }

  /// Pieces up to this length are kept: words, and not whole texts.
  private static let longestCached = 48
  private static let largestCache = 100_000

  /// The number of tokens: 1 more than the largest number.
  public let vocabularySize: Int
  private let normalizers: [Normalizer]
  private let preTokenizers: [PreTokenizer]
  private let model: BytePairEncoding
  private let decoders: [TokenDecoder]
  private let postProcessor: PostProcessor
  /// Those that are cut from the text as it is, and those that are cut after it is normalized.
  private let added, addedAfterwards: AddedTokens
  /// The bytes of each token.
  private let pieces: [Int32: [UInt8]]
  private let special: Set<Int32>
  private let cache = Mutex(Cache())

  /// Reads a tokenizer.json. Throws for a file that is damaged, and for one with a part that LossKit does not have, which the message
  /// names.
  public convenience init(contentsOf path: String) throws {
    try self.init(Files.read(path), name: path)
  }

  /// Reads the content of a tokenizer.json; `name` identifies it in messages.
  public convenience init(_ content: [UInt8], name: String) throws {
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONValue(parsing: withoutByteOrderMark(content))
    } catch {
      throw Failure("\(name), \(error)")
    }
    try self.init(TokenizerPart(value, place: name))
  }

  private init(_ file: TokenizerPart) throws {
    guard let model = try file.part("model") else {
      throw Failure("\(file.place): 'model' is missing; this is no tokenizer.json")
    }
    let kind = try model.optionalString("type") ?? "BPE"
    guard kind == "BPE" else { throw model.unsupported(kind, known: "BPE") }
    normalizers = try Normalizer.read(try file.part("normalizer"))
    var isByteLevel = false
    preTokenizers = try PreTokenizer.read(try file.part("pre_tokenizer"), isByteLevel: &isByteLevel)
    var pieces: [Int32: [UInt8]] = [:]
    self.model = try BytePairEncoding(model, isByteLevel: isByteLevel, decoded: &pieces)
    decoders = try TokenDecoder.read(try file.part("decoder"))
    var postProcessor = PostProcessor()
    try postProcessor.read(try file.part("post_processor"))
    self.postProcessor = postProcessor

    var added = AddedTokens(), addedAfterwards = AddedTokens(), special = Set<Int32>()
    for token in try file.parts("added_tokens") {
      let content = try token.string("content"), id = try token.token("id")
      pieces[id] = isByteLevel ? ByteAlphabet.bytes(of: content) : Array(content.utf8)
      if try token.bool("special") ?? false { special.insert(id) }
      if try token.bool("normalized") ?? false, !normalizers.isEmpty {
        try addedAfterwards.add(try normalizers.reduce(Array(content.utf8)) { try $1($0) }, id, token)
      } else {
        try added.add(Array(content.utf8), id, token)
      }
    }
    self.added = added
    self.addedAfterwards = addedAfterwards
    self.special = special
    self.pieces = pieces
    vocabularySize = Int(pieces.keys.max() ?? -1) + 1
  }

  /// The tokens of a text. Special tokens that stand in the text are recognized.
  ///
  /// `addingSpecialTokens` puts those before and after it that the tokenizer gives a plain text, such as `<s>`; a rendered conversation
  /// has its own. Throws if a pattern takes too many steps.
  public func encode(_ text: String, addingSpecialTokens: Bool = false) throws -> Encoding {
    var encoding = Encoding()
    if addingSpecialTokens { encoding.tokens += postProcessor.before }
    let bytes = Array(text.utf8)
    try added.cut(bytes) { range, token in
      if let token { return encoding.tokens.append(token) }
      let part = try normalizers.reduce(Array(bytes[range])) { try $1($0) }
      try addedAfterwards.cut(part) { inner, token in
        if let token { return encoding.tokens.append(token) }
        try encode(Array(part[inner]), isFirst: range.lowerBound == 0 && inner.lowerBound == 0, &encoding)
      }
    }
    if addingSpecialTokens { encoding.tokens += postProcessor.after }
    return encoding
  }

  private func encode(_ part: [UInt8], isFirst: Bool, _ encoding: inout Encoding) throws {
    var text = part, pieces = [0..<part.count]
    for step in preTokenizers { pieces = try step(pieces, &text, isFirst: isFirst) }
    text.withUnsafeBufferPointer { text in
      cache.withLock { cache in
        for piece in pieces where !piece.isEmpty {
          encode(UnsafeBufferPointer(rebasing: text[piece]), &cache, &encoding)
        }
      }
    }
  }

  private func encode(_ piece: UnsafeBufferPointer<UInt8>, _ cache: inout Cache, _ encoding: inout Encoding) {
    if piece.count <= Self.longestCached, let place = cache.places[piece] {
      encoding.tokens += cache.tokens[Int(place)]
      return
    }
    var tokens: [Int32] = []
    let dropped = model.encode(piece, &tokens)
    encoding.tokens += tokens
    encoding.droppedBytes += dropped
    guard piece.count <= Self.longestCached, dropped == 0 else { return }
    if cache.tokens.count == Self.largestCache { cache = Cache() }
    cache.places.insert(piece, Int32(cache.tokens.count))
    cache.tokens.append(tokens)
  }

  /// The text of tokens; what is no UTF-8 becomes U+FFFD.
  ///
  /// `skippingSpecialTokens` leaves out the special ones. Throws for a number that is no token's.
  public func decode(_ tokens: some Sequence<Int32>, skippingSpecialTokens: Bool = false) throws -> String {
    var texts: [[UInt8]] = []
    for token in tokens where !(skippingSpecialTokens && special.contains(token)) {
      guard let piece = pieces[token] else {
        throw Failure("\(token) is no token of this tokenizer, which has \(vocabularySize)")
      }
      texts.append(piece)
    }
    return String(decoding: Array(decoders.reduce(texts) { $1($0) }.joined()), as: UTF8.self)
  }

  /// Whether a token is special.
  public func isSpecial(_ token: Int32) -> Bool { special.contains(token) }

  /// The number of the token with exactly this text, or nil.
  public func token(_ text: String) -> Int32? {
    let bytes = Array(text.utf8)
    return pieces.filter { $0.value == bytes }.keys.min()
  }
}
