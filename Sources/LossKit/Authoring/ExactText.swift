/// A string compared by its UTF-8 bytes.
///
/// Swift strings compare by Unicode canonical equivalence: a precomposed é equals an e with a combining accent. A policy treats the two
/// as different texts.
package struct ExactText: Hashable, Sendable {
  /// The string.
  package let text: String

  /// Wraps a string.
  package init(_ text: String) { self.text = text }

  /// Whether both have the same UTF-8 bytes.
  package static func == (first: ExactText, second: ExactText) -> Bool {
    first.text.utf8.elementsEqual(second.text.utf8)
  }

  /// Hashes the UTF-8 bytes.
  package func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    hasher.combine(text.utf8.count)
  }
}
