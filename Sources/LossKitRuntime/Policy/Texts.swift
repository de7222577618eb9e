import CLossKit
import LossKit

/// The prompts and responses of a batch, as UTF-8, in the order of its columns: the best response of each prompt, then the second
/// ones, and so on.
public struct Texts: Sendable {
  /// The number of prompts, G.
  public let promptCount: Int
  /// The largest number of responses of a prompt, K.
  public let responseCount: Int
  /// The number of responses of each prompt, [G]; nil if all have K.
  public let counts: [UInt32]?

  /// All texts in sequence, followed by a zero, so that the array has an address.
  private let bytes: [UInt8]
  /// The ends of the texts in `bytes`: G prompts, then K·G responses.
  private let ends: [Int]

  /// Creates texts from prompts and the responses to each, best first. Throws for a prompt without a response, and if the number of
  /// lists of responses differs from that of prompts.
  public init(prompts: [String], responses: [[String]]) throws {
    try self.init(prompts: prompts.map(\.utf8), responses: responses.map { $0.map(\.utf8) })
  }

  /// Creates texts from UTF-8; otherwise as `init(prompts:responses:)` with strings.
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

  /// Calls `body` with the shape of a batch of these texts.
  func withShape<Value>(
    references: Int = 0, tokenOffsets: [Int]? = nil, _ body: (BatchShape) throws -> Value
  ) rethrows -> Value {
    try BatchShape.with(
      prompts: promptCount, responses: responseCount, references: references, counts: counts,
      tokenOffsets: tokenOffsets, body)
  }

  /// Calls `body` with the texts as a C struct.
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
