import CLossKit
import LossKit

@testable import Transformer

/// Prompts and responses with owned memory.
final class Texts {
  let promptCount: Int
  let responseCount: Int
  private let counts: UnsafeMutableBufferPointer<UInt32>
  private var blocks: [UnsafeMutableBufferPointer<CChar>] = []
  private let prompts, responses: UnsafeMutableBufferPointer<losskit_text>

  /// Each row is a prompt and its responses, best first; a row may have fewer than the longest.
  init(_ rows: [(prompt: String, responses: [String])]) {
    promptCount = rows.count
    let most = rows.map(\.responses.count).max() ?? 0
    responseCount = most
    counts = .allocate(capacity: rows.count)
    prompts = .allocate(capacity: rows.count)
    responses = .allocate(capacity: rows.count * most)
    responses.initialize(repeating: losskit_text(bytes: nil, length: 0))
    for (index, row) in rows.enumerated() {
      counts.initializeElement(at: index, to: UInt32(row.responses.count))
      prompts.initializeElement(at: index, to: keep(row.prompt))
      for (rank, response) in row.responses.enumerated() { responses[rank * rows.count + index] = keep(response) }
    }
  }

  deinit {
    for block in blocks { block.deallocate() }
    counts.deallocate()
    prompts.deallocate()
    responses.deallocate()
  }

  private func keep(_ text: String) -> losskit_text {
    let block = UnsafeMutableBufferPointer<CChar>.allocate(capacity: max(1, text.utf8.count))
    _ = block.initialize(from: text.utf8.lazy.map { CChar(bitPattern: $0) })
    blocks.append(block)
    return losskit_text(bytes: block.baseAddress.map { UnsafePointer($0) }, length: text.utf8.count)
  }

  /// The form of the C ABI.
  var raw: losskit_texts {
    losskit_texts(
      prompts: promptCount, responses: responseCount, counts: counts.baseAddress.map { UnsafePointer($0) },
      prompt: prompts.baseAddress.map { UnsafePointer($0) }, response: responses.baseAddress.map { UnsafePointer($0) })
  }

  /// Calls `body` with a view of the texts.
  func withBatch<Result>(_ body: (TextBatch) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(self) { try body(TextBatch(raw)) }
  }

  /// The tokens, truncated to a context.
  func tokens(context: Int) throws -> TokenBatch {
    try withBatch { try TokenBatch($0, ByteEncoding(), context: context) }
  }
}

/// Prompts with one response each.
func single(_ prompt: String, _ response: String) -> Texts { Texts([(prompt, [response])]) }

/// Eight pairs of different lengths.
let eightPairs: [(prompt: String, responses: [String])] = (0..<8).map { index in
  let words = ["the film", "a plot", "was", "not", "good", "very", "dull", "and bright"]
  let text = { (start: Int, count: Int) in
    (0..<count).map { words[(start * 3 + $0 * 5) % words.count] }.joined(separator: " ")
  }
  return ("Q\(index) " + text(index, index % 4), [text(index + 1, 1 + index % 5), text(index + 2, 1 + index % 3)])
}
