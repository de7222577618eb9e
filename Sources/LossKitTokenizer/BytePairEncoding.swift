import LossKit
import LossKitJSON

/// Byte-pair encoding: the tokens of a piece of text. Sennrich, Haddow and Birch, ACL 2016, arXiv:1508.07909.
struct BytePairEncoding {
  private struct Merge {
    let rank, id: Int32
  }

  private var vocabulary: ByteTable
  private var merges: [UInt64: Merge] = [:]
  /// Whether the tokens are of bytes; otherwise they are of characters.
  private let isByteLevel: Bool
  /// Whether a piece that is a token is encoded as that, whatever the merges say.
  private let ignoresMerges: Bool
  /// The token of each byte: of a text's bytes, or of those of a character without a token.
  private var byteTokens: [Int32?]
  private let unknown: Int32?
  /// Whether several unknown characters are one token.
  private let fusesUnknown: Bool

  /// Reads `model` of a tokenizer. `decoded` has the bytes that each token stands for.
  init(_ model: TokenizerPart, isByteLevel: Bool, decoded: inout [Int32: [UInt8]]) throws {
    for key in ["dropout", "continuing_subword_prefix", "end_of_word_suffix"] {
      if let value = model.object[key], value != .null, value.string != "", value.double != 0 {
        throw model.unsupported("'\(key)'")
      }
    }
    self.isByteLevel = isByteLevel
    ignoresMerges = try model.bool("ignore_merges") ?? false
    fusesUnknown = try model.bool("fuse_unk") ?? false
    guard let words = try model.part("vocab")?.object.members else {
      throw Failure("\(model.place): 'vocab' is missing")
    }
    vocabulary = ByteTable(capacity: words.count)
    for word in words {
      let bytes = isByteLevel ? ByteAlphabet.bytes(of: word.key) : Array(word.key.utf8)
      let id = try TokenizerPart.token(word.value, "\(model.place): vocab, line \(word.line): '\(word.key)'")
      vocabulary.insert(bytes, id)
      decoded[id] = bytes
    }
    unknown = try model.optionalString("unk_token").flatMap { [vocabulary] in vocabulary[Array($0.utf8)] }
    byteTokens = [Int32?](repeating: nil, count: 256)
    if isByteLevel {
      for byte in 0..<256 { byteTokens[byte] = vocabulary[[UInt8(byte)]] }
    } else if try model.bool("byte_fallback") ?? false {
      for byte in 0..<256 { byteTokens[byte] = vocabulary[Array(ByteAlphabet.fallbackName(UInt8(byte)).utf8)] }
    }
    let pairs = try model.list("merges")
    merges.reserveCapacity(pairs.count)
    for (rank, pair) in pairs.enumerated() { try add(pair, rank: rank, "\(model.place): merges[\(rank)]") }
  }

  private mutating func add(_ pair: JSONValue, rank: Int, _ place: @autoclosure () -> String) throws {
    let names: [String]
    if let text = pair.string {
      names = text.utf8.split(separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: false)
        .map { String($0) ?? "" }
    } else {
      names = pair.array?.compactMap(\.string) ?? []
    }
    guard names.count == 2, rank <= Int32.max else { throw Failure("\(place()) is no pair of tokens") }
    let parts = names.map { isByteLevel ? ByteAlphabet.bytes(of: $0) : Array($0.utf8) }
    guard let first = vocabulary[parts[0]], let second = vocabulary[parts[1]],
      let merged = vocabulary[parts[0] + parts[1]]
    else { throw Failure("\(place()): '\(names[0])', '\(names[1])' or both together are no tokens of the vocabulary") }
    merges[key(first, second)] = Merge(rank: Int32(rank), id: merged)
  }

  private func key(_ first: Int32, _ second: Int32) -> UInt64 { UInt64(UInt32(first)) << 32 | UInt64(UInt32(second)) }

  private func merge(_ first: Int32, _ second: Int32) -> Merge? { merges[key(first, second)] }

  /// Appends the tokens of a piece; returns the number of bytes that no token stands for, which are dropped.
  func encode(_ piece: UnsafeBufferPointer<UInt8>, _ tokens: inout [Int32]) -> Int {
    if ignoresMerges || piece.count == 1, let token = vocabulary[piece] {
      tokens.append(token)
      return 0
    }
    var symbols: [Int32] = []
    symbols.reserveCapacity(piece.count)
    let dropped = isByteLevel ? appendBytes(of: piece, &symbols) : appendCharacters(of: piece, &symbols)
    // Scanning a short piece for the lowest rank is faster than a heap.
    tokens += symbols.count <= 24 ? mergedByScanning(symbols) : mergedByHeap(symbols)
    return dropped
  }

  private func appendBytes(of piece: UnsafeBufferPointer<UInt8>, _ symbols: inout [Int32]) -> Int {
    var dropped = 0
    for byte in piece {
      if let token = byteTokens[Int(byte)] { symbols.append(token) } else { dropped += 1 }
    }
    return dropped
  }

  private func appendCharacters(of piece: UnsafeBufferPointer<UInt8>, _ symbols: inout [Int32]) -> Int {
    var place = 0, dropped = 0, isAfterUnknown = false
    while place < piece.count {
      var end = place + 1
      while end < piece.count, piece[end] & 0xC0 == 0x80 { end += 1 }
      let character = UnsafeBufferPointer(rebasing: piece[place..<end])
      place = end
      if let token = vocabulary[character] {
        symbols.append(token)
      } else if character.allSatisfy({ byteTokens[Int($0)] != nil }) {
        symbols += character.compactMap { byteTokens[Int($0)] }
      } else {
        if let unknown {
          if !(fusesUnknown && isAfterUnknown) { symbols.append(unknown) }
        } else {
          dropped += character.count
        }
        isAfterUnknown = true
        continue
      }
      isAfterUnknown = false
    }
    return dropped
  }

  /// Merges the pair of the lowest rank, the leftmost of several, until there is none.
  private func mergedByScanning(_ symbols: [Int32]) -> [Int32] {
    guard symbols.count > 1 else { return symbols }
    var symbols = symbols
    var found = (0..<symbols.count - 1).map { merge(symbols[$0], symbols[$0 + 1]) }
    while true {
      var best: (place: Int, merge: Merge)?
      for (place, merge) in found.enumerated() {
        if let merge, merge.rank < best?.merge.rank ?? .max { best = (place, merge) }
      }
      guard let (place, merge) = best else { return symbols }
      symbols[place] = merge.id
      symbols.remove(at: place + 1)
      found.remove(at: place)
      if place > 0 { found[place - 1] = self.merge(symbols[place - 1], symbols[place]) }
      if place < found.count { found[place] = self.merge(symbols[place], symbols[place + 1]) }
    }
  }

  /// The same for a long piece, in time that grows like n log n.
  private func mergedByHeap(_ symbols: [Int32]) -> [Int32] {
    var symbols = symbols
    let count = symbols.count
    var next = Array(1...count), previous = Array(-1..<count - 1)
    var heap = MergeHeap()
    func offer(_ place: Int) {
      guard place >= 0, next[place] < count, let merge = merge(symbols[place], symbols[next[place]]) else { return }
      heap.insert(
        MergeHeap.Candidate(
          rank: merge.rank, place: Int32(place), merged: merge.id, first: symbols[place], second: symbols[next[place]]))
    }
    for place in 0..<count - 1 { offer(place) }
    while let candidate = heap.removeFirst() {
      let place = Int(candidate.place)
      // Another merge may have taken one of the two.
      guard symbols[place] == candidate.first, next[place] < count, symbols[next[place]] == candidate.second else {
        continue
      }
      let taken = next[place]
      symbols[place] = candidate.merged
      symbols[taken] = -1
      next[place] = next[taken]
      if next[taken] < count { previous[next[taken]] = place }
      offer(previous[place])
      offer(place)
    }
    return symbols.filter { $0 >= 0 }
  }
}

/// Pairs that may be merged, that of the lowest rank first, and the leftmost of those.
private struct MergeHeap {
  struct Candidate {
    let rank, place, merged, first, second: Int32

    func precedes(_ other: Candidate) -> Bool { (rank, place) < (other.rank, other.place) }
  }

  private var candidates: [Candidate] = []

  mutating func insert(_ candidate: Candidate) {
    candidates.append(candidate)
    var place = candidates.count - 1
    while place > 0, candidates[place].precedes(candidates[(place - 1) / 2]) {
      candidates.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  mutating func removeFirst() -> Candidate? {
    guard let first = candidates.first, let last = candidates.popLast() else { return nil }
    guard !candidates.isEmpty else { return first }
    candidates[0] = last
    var place = 0
    while 2 * place + 1 < candidates.count {
      var child = 2 * place + 1
      if child + 1 < candidates.count, candidates[child + 1].precedes(candidates[child]) { child += 1 }
      guard candidates[child].precedes(candidates[place]) else { break }
      candidates.swapAt(child, place)
      place = child
    }
    return first
  }
}
