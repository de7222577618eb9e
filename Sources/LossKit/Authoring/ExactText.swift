/// A text that equals another where their bytes of UTF-8 do.
///
/// Swift's own strings are equal where Unicode sees one text, such as an é and an e with an accent behind it; a policy sees two.
package struct ExactText: Hashable, Sendable {
  /// The text.
  package let text: String

  /// The text, told apart by its bytes.
  package init(_ text: String) { self.text = text }

  /// Whether both have the same bytes.
  package static func == (first: ExactText, second: ExactText) -> Bool {
    first.text.utf8.elementsEqual(second.text.utf8)
  }

  /// Adds the bytes.
  package func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    hasher.combine(text.utf8.count)
  }
}
