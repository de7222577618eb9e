import CLossKit
import Testing

@testable import LossKit
@testable import Transformer

/// Log-probabilities of a batch, rank-major and token by token.
struct LogProbabilities: Equatable {
  var responses: [Double]
  var tokens: [Double]
  var offsets: [Int]

  /// The tokens of a response.
  func tokens(of row: Int) -> [Double] { Array(tokens[offsets[row]..<offsets[row + 1]]) }
}

extension Transformer {
  /// A small model with known weights.
  static func small(
    hidden: Int = 16, layers: Int = 2, heads: Int = 4, keyValueHeads: Int = 2, intermediate: Int = 12,
    context: Int = 400, tied: Bool = false, seed: UInt64 = 7, range: Double = 0.2
  ) throws -> Transformer {
    try .create(
      options: .small(
        hidden: hidden, layers: layers, heads: heads, keyValueHeads: keyValueHeads, intermediate: intermediate,
        context: context, tied: tied, range: range), seed: seed)
  }

  func counts(_ texts: Texts) throws -> (tokens: [UInt32], truncated: [UInt32]) {
    var tokens = [UInt32](repeating: 99, count: texts.promptCount * texts.responseCount), truncated = tokens
    try tokens.withUnsafeMutableBufferPointer { tokens in
      try truncated.withUnsafeMutableBufferPointer { truncated in
        try texts.withBatch { try measure($0, tokenCounts: tokens, truncated: truncated) }
      }
    }
    return (tokens, truncated)
  }

  func logProbabilities(_ texts: Texts, keeping: Bool = false) throws -> LogProbabilities {
    let offsets = try counts(texts).tokens.reduce(into: [0]) { $0.append(($0.last ?? 0) + Int($1)) }
    var result = LogProbabilities(
      responses: .init(repeating: .nan, count: texts.promptCount * texts.responseCount),
      tokens: .init(repeating: .nan, count: offsets.last ?? 0), offsets: offsets)
    try result.responses.withUnsafeMutableBufferPointer { responses in
      try result.tokens.withUnsafeMutableBufferPointer { tokens in
        try call(texts, offsets, values: [responses.baseAddress, tokens.baseAddress], gradients: []) {
          try forward($0, keepingActivations: keeping)
        }
      }
    }
    return result
  }

  /// `perToken` has the layout of the offsets from `measure`; nil for none.
  func backward(_ texts: Texts, perResponse: [Double]?, perToken: [Double]? = nil) throws {
    let offsets = try counts(texts).tokens.reduce(into: [0]) { $0.append(($0.last ?? 0) + Int($1)) }
    try (perResponse ?? []).withUnsafeBufferPointer { responses in
      try (perToken ?? []).withUnsafeBufferPointer { tokens in
        try call(
          texts, offsets, values: [],
          gradients: [
            perResponse == nil ? nil : responses.baseAddress, perToken == nil ? nil : tokens.baseAddress,
          ]
        ) { try backward($0) }
      }
    }
  }

  private func call(
    _ texts: Texts, _ offsets: [Int], values: [UnsafeMutablePointer<Double>?], gradients: [UnsafePointer<Double>?],
    _ body: (PolicyBatch) throws -> Void
  ) throws {
    let columns: [UInt32] = [0, 1]
    try offsets.withUnsafeBufferPointer { offsets in
      try columns.withUnsafeBufferPointer { columns in
        try values.withUnsafeBufferPointer { values in
          try gradients.withUnsafeBufferPointer { gradients in
            var frame = losskit_policy_frame(
              texts: texts.raw, token_offsets: offsets.baseAddress, reference_count: 0, references: nil,
              column_count: 2, columns: columns.baseAddress, values: values.isEmpty ? nil : values.baseAddress,
              gradients: gradients.isEmpty ? nil : gradients.baseAddress)
            try withExtendedLifetime(texts) {
              try withUnsafePointer(to: &frame) { try body(PolicyBatch(frame: $0, columns: Transformer.columns)) }
            }
          }
        }
      }
    }
  }
}

extension TransformerOptions {
  static func small(
    hidden: Int = 16, layers: Int = 2, heads: Int = 4, keyValueHeads: Int = 2, intermediate: Int = 12,
    context: Int = 400, tied: Bool = false, range: Double = 0.2
  ) -> TransformerOptions {
    var options = TransformerOptions()
    options.architecture = Architecture(
      hiddenSize: hidden, intermediateSize: intermediate, layerCount: layers, headCount: heads,
      keyValueHeadCount: keyValueHeads, contextLength: context, isTied: tied)
    options.initializerRange = range
    return options
  }
}
