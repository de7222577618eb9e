import CLossKit
import LossKit

/// The prompts and responses of a batch, as UTF-8, laid out as the columns are: first every prompt's best response, then every
/// second one.
public struct Texts: Sendable {
  /// The number of prompts, G.
  public let promptCount: Int
  /// The most responses a prompt has, K.
  public let responseCount: Int
  /// How many responses each prompt has, [G]; nil where all have K.
  public let counts: [UInt32]?

  /// All texts, one behind the other, and a zero, so that there is always an address.
  private let bytes: [UInt8]
  /// The ends of the texts in `bytes`: G prompts, then K·G responses.
  private let ends: [Int]

  /// Texts from `prompts` and each one's `responses`, best first. Throws for a prompt without a response, and where there are
  /// not as many lists of responses as prompts.
  public init(prompts: [String], responses: [[String]]) throws {
    try self.init(prompts: prompts.map(\.utf8), responses: responses.map { $0.map(\.utf8) })
  }

  /// Texts from UTF-8; as `init(prompts:responses:)` with strings.
  public init(prompts: [some Collection<UInt8>], responses: [[some Collection<UInt8>]]) throws {
    guard prompts.count == responses.count else {
      throw Failure("texts: \(prompts.count) prompts, but responses for \(responses.count)")
    }
    if let empty = responses.firstIndex(where: \.isEmpty) { throw Failure("texts: no response", prompt: empty) }
    promptCount = prompts.count
    responseCount = responses.map(\.count).max() ?? 0
    counts =
      responses.allSatisfy { [responseCount] in $0.count == responseCount } ? nil : responses.map { UInt32($0.count) }
    var bytes: [UInt8] = []
    var ends: [Int] = []
    for prompt in prompts {
      bytes += prompt
      ends.append(bytes.count)
    }
    for rank in 0..<responseCount {
      for list in responses {
        if rank < list.count { bytes += list[rank] }
        ends.append(bytes.count)
      }
    }
    self.bytes = bytes + [0]
    self.ends = ends
  }

  /// Lends the shape of a batch of these texts.
  func withShape<Value>(
    references: Int = 0, tokenOffsets: [Int]? = nil, _ body: (BatchShape) throws -> Value
  ) rethrows -> Value {
    try BatchShape.with(
      prompts: promptCount, responses: responseCount, references: references, counts: counts,
      tokenOffsets: tokenOffsets, body)
  }

  /// Lends the texts to a call.
  func withTexts<Value>(_ body: (losskit_texts) throws -> Value) rethrows -> Value {
    try bytes.withUnsafeBytes { bytes in
      let base = bytes.bindMemory(to: CChar.self).baseAddress
      let texts = ends.indices.map { index in
        let start = index == 0 ? 0 : ends[index - 1]
        return losskit_text(bytes: base.map { $0 + start }, length: ends[index] - start)
      }
      return try texts.withUnsafeBufferPointer { texts in
        try withOptionalPointer(counts) { counts in
          try body(
            losskit_texts(
              prompts: promptCount, responses: responseCount, counts: counts, prompt: texts.baseAddress,
              response: texts.baseAddress.map { $0 + promptCount }))
        }
      }
    }
  }
}
