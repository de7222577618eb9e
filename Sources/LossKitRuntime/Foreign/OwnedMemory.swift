/// Memory for C structs and strings that point to each other; it is given back all at once.
final class OwnedMemory {
  private var blocks: [UnsafeMutableRawPointer] = []

  deinit { for block in blocks { block.deallocate() } }

  /// A copy of an array; of an empty one, a place that nothing is read from.
  func keep<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafePointer<Element> {
    let pointer = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
    pointer.initialize(from: elements, count: elements.count)
    blocks.append(pointer)
    return UnsafePointer(pointer)
  }

  /// A copy of a text, terminated.
  func keep(_ text: String) -> UnsafePointer<CChar> { keep(text.utf8CString.map { $0 }) }
}
