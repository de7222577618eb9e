import LossKit

/// A step that splits a text into the pieces that are encoded apart.
enum PreTokenizer {
  /// Matches are pieces, and so is what lies between them.
  case isolated(RegularExpression)
  /// Matches are pieces; the rest is dropped.
  case matches(RegularExpression)
  /// Each piece ends with the text.
  case endsWith([UInt8])
  /// Spaces become a mark, which also stands before the text: never, before the first part, or before each.
  case metaspace(mark: [UInt8], prepends: Prepends)

  enum Prepends: String {
    case never, first, always
  }

  /// GPT-2's pattern, that of `ByteLevel`.
  private static let bytePattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// Reads `pre_tokenizer` of a tokenizer; `isByteLevel` becomes true if its tokens are of bytes.
  static func read(_ part: TokenizerPart?, isByteLevel: inout Bool) throws -> [PreTokenizer] {
    guard let part else { return [] }
    switch try part.type {
    case "Sequence":
      var steps: [PreTokenizer] = []
      for step in try part.parts("pretokenizers") { steps += try read(step, isByteLevel: &isByteLevel) }
      return steps
    case "ByteLevel":
      guard try part.bool("add_prefix_space") != true else { throw part.unsupported("ByteLevel with add_prefix_space") }
      isByteLevel = true
      return try part.bool("use_regex") ?? true ? [.isolated(try RegularExpression(bytePattern))] : []
    case "Digits":
      return [.isolated(try RegularExpression(try part.bool("individual_digits") ?? false ? #"\p{N}"# : #"\p{N}+"#))]
    case "Metaspace":
      guard try part.bool("split") == false else { throw part.unsupported("Metaspace that splits") }
      let scheme = try part.optionalString("prepend_scheme") ?? "always"
      guard let prepends = Prepends(rawValue: scheme) else {
        throw part.unsupported("Metaspace with prepend_scheme \(scheme)")
      }
      return [.metaspace(mark: Array(try part.string("replacement").utf8), prepends: prepends)]
    case "Split": return [try readSplit(part)]
    case let type: throw part.unsupported(type, known: "Sequence, ByteLevel, Digits, Metaspace and Split")
    }
  }

  private static func readSplit(_ part: TokenizerPart) throws -> PreTokenizer {
    let behavior = try part.string("behavior"), isInverted = try part.bool("invert") ?? false
    if behavior == "MergedWithPrevious", !isInverted { return .endsWith(try part.literalPattern()) }
    let expression = try RegularExpression(try part.regularPattern())
    switch (behavior, isInverted) {
    case ("Isolated", _): return .isolated(expression)
    case ("Removed", true): return .matches(expression)
    default: throw part.unsupported("Split with behavior \(behavior)\(isInverted ? ", inverted" : "")")
    }
  }

  /// Splits the pieces of a text further. `isFirst` says whether the text begins what is encoded.
  func callAsFunction(_ pieces: [Range<Int>], _ text: inout [UInt8], isFirst: Bool) throws -> [Range<Int>] {
    switch self {
    case .isolated(let expression): return try split(pieces, text, at: expression, keepsRest: true)
    case .matches(let expression): return try split(pieces, text, at: expression, keepsRest: false)
    case .endsWith(let end): return pieces.flatMap { split($0, text, after: end) }
    case .metaspace(let mark, let prepends):
      text = replacing([UInt8(ascii: " ")], with: mark, in: text)
      let isMarked = prepends == .always || (prepends == .first && isFirst)
      if isMarked, !text.starts(with: mark) { text = mark + text }
      return [0..<text.count]
    }
  }

  private func split(
    _ pieces: [Range<Int>], _ text: [UInt8], at expression: RegularExpression, keepsRest: Bool
  ) throws -> [Range<Int>] {
    var result: [Range<Int>] = []
    result.reserveCapacity(max(pieces.count, text.count / 4))
    try text.withUnsafeBufferPointer { text in
      for piece in pieces {
        var place = piece.lowerBound
        try expression.forEachMatch(in: UnsafeBufferPointer(rebasing: text[piece])) { match in
          let match = piece.lowerBound + match.lowerBound..<piece.lowerBound + match.upperBound
          if keepsRest, match.lowerBound > place { result.append(place..<match.lowerBound) }
          result.append(match)
          place = match.upperBound
        }
        if keepsRest, place < piece.upperBound { result.append(place..<piece.upperBound) }
      }
    }
    return result
  }

  private func split(_ piece: Range<Int>, _ text: [UInt8], after end: [UInt8]) -> [Range<Int>] {
    var result: [Range<Int>] = [], start = piece.lowerBound, place = start
    while !end.isEmpty, place + end.count <= piece.upperBound {
      if text[place..<place + end.count].elementsEqual(end) {
        place += end.count
        result.append(start..<place)
        start = place
      } else {
        place += 1
      }
    }
    if start < piece.upperBound { result.append(start..<piece.upperBound) }
    return result
  }
}
