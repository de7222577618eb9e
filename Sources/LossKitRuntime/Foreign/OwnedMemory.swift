/// Memory for C structs and strings that point to each other, freed all at once.
final class OwnedMemory {
  private var blocks: [UnsafeMutableRawPointer] = []

  deinit { for block in blocks { block.deallocate() } }

  /// Copies an array; an empty one becomes a valid address that is never read.
  func keep<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafePointer<Element> {
    let pointer = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
    pointer.initialize(from: elements, count: elements.count)
    blocks.append(pointer)
    return UnsafePointer(pointer)
  }

  /// Copies a text, with a terminating zero.
  func keep(_ text: String) -> UnsafePointer<CChar> { keep(text.utf8CString.map { $0 }) }
}
