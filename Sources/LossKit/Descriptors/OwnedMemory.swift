import Synchronization

/// Memory for C structs and strings that point to each other, freed all at once.
package final class OwnedMemory {
  private var blocks: [UnsafeMutableRawPointer] = []
  private var objects: [AnyObject] = []

  package init() {}

  /// Memory that is kept until the process ends: that of plugins, whose descriptors a host may always read.
  static func lasting() -> OwnedMemory {
    let memory = OwnedMemory()
    lastingAddresses.withLock { $0.append(UInt(bitPattern: Unmanaged.passRetained(memory).toOpaque())) }
    return memory
  }

  deinit { for block in blocks { block.deallocate() } }

  /// Copies an array; an empty one becomes a valid address that is never read.
  package func keep<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafePointer<Element> {
    let pointer = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
    pointer.initialize(from: elements, count: elements.count)
    blocks.append(pointer)
    return UnsafePointer(pointer)
  }

  /// Copies a text, with a terminating zero.
  package func keep(_ text: String) -> UnsafePointer<CChar> { keep(text.utf8CString.map { $0 }) }

  /// Copies an array; NULL if it is empty.
  func keepUnlessEmpty<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafePointer<Element>? {
    elements.isEmpty ? nil : keep(elements)
  }

  /// Copies a text; NULL if it is empty.
  func keepUnlessEmpty(_ text: String) -> UnsafePointer<CChar>? { text.isEmpty ? nil : keep(text) }

  /// Keeps an object, for C to pass back.
  func keep(object: AnyObject) -> UnsafeRawPointer {
    objects.append(object)
    return UnsafeRawPointer(Unmanaged.passUnretained(object).toOpaque())
  }
}

/// The addresses of all lasting memory, so that leak checkers see it referenced after a host drops it.
private let lastingAddresses = Mutex<[UInt]>([])
