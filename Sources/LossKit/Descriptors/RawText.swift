package import CLossKit

extension String {
  /// A copy of a text; what is no UTF-8 becomes U+FFFD.
  package init(_ text: losskit_text) {
    self.init(decoding: UnsafeRawBufferPointer(start: text.bytes, count: text.length), as: UTF8.self)
  }

  /// A copy of a text that the other side may have got wrong; nil if it has no memory or is not UTF-8.
  package init?(validating text: losskit_text) {
    guard text.length >= 0, text.length == 0 || text.bytes != nil else { return nil }
    self.init(validating: UnsafeRawBufferPointer(start: text.bytes, count: text.length), as: UTF8.self)
  }
}

extension [String] {
  /// Calls `body` with the texts as C structs, whose memory is valid during the call.
  package func withRawTexts<Value>(
    _ body: (UnsafeBufferPointer<losskit_text>) throws -> Value
  ) rethrows -> Value {
    // One allocation for all texts.
    try flatMap(\.utf8).withUnsafeBytes { memory in
      let start = memory.baseAddress?.assumingMemoryBound(to: CChar.self)
      var place = 0
      let texts = map { text in
        defer { place += text.utf8.count }
        return losskit_text(bytes: start.map { $0 + place }, length: text.utf8.count)
      }
      return try texts.withUnsafeBufferPointer(body)
    }
  }
}
