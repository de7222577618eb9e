import LossKit
import LossKitSystem

/// The memory layout of a call's arrays.
package enum CallPlacement: Sendable, Hashable {
  /// The end of an array that is adjacent to an inaccessible page.
  package enum Side: String, Sendable, CaseIterable {
    case before, behind
  }

  /// Every array has unused memory around it, and starts `shift` doubles into it.
  case apart(shift: Int)
  /// One array that is only read, named as in `ComponentCall.readArrays`, is adjacent to an inaccessible page.
  case guardingInput(String, Side)
  /// Arrays that are written are adjacent to inaccessible pages, and arrays that are read are write-protected.
  case guardingOutputs(Side)
}

/// The memory of one call, freed when the object is deallocated.
final class CallMemory {
  private struct Pages {
    let base: UnsafeMutableRawPointer
    let size: Int
  }

  /// Bytes of unused memory around an array, in which an overrun has no consequences.
  private static let room = 1024

  private let placement: CallPlacement
  private var blocks: [UnsafeMutableRawPointer] = []
  private var pages: [Pages] = []
  private var sealed: [Pages] = []
  private let pageSize = sysconf(Int32(_SC_PAGESIZE))

  init(_ placement: CallPlacement) { self.placement = placement }

  deinit {
    for block in blocks { block.deallocate() }
    for region in pages { munmap(region.base, region.size) }
  }

  /// A copy of values that are only read.
  func input<Element: BitwiseCopyable>(_ values: [Element], as name: String) throws -> UnsafeMutablePointer<Element> {
    let size = values.count * MemoryLayout<Element>.stride
    let place =
      switch placement {
      case .apart(let shift): apart(size, shift: shift)
      case .guardingInput(name, let side): try bordering(size, side)
      case .guardingInput: apart(size, shift: 0)
      case .guardingOutputs: try unwritable(size)
      }
    return fill(place, values)
  }

  /// A copy of values that are written.
  func output<Element: BitwiseCopyable>(_ values: [Element]) throws -> UnsafeMutablePointer<Element> {
    let size = values.count * MemoryLayout<Element>.stride
    let place =
      switch placement {
      case .apart(let shift): apart(size, shift: shift)
      case .guardingInput: apart(size, shift: 0)
      case .guardingOutputs(let side): try bordering(size, side)
      }
    return fill(place, values)
  }

  /// Write-protects all arrays that are only read. Call it once they are complete.
  func seal() {
    for region in sealed { mprotect(region.base, region.size, PROT_READ) }
  }

  /// A copy of pointers that are only read. Unless the array is guarded, it is followed by pointers to meaningless numbers.
  func input<Pointer: BitwiseCopyable>(
    _ pointers: [Pointer?], as name: String, beyond spare: Pointer
  ) throws -> UnsafeMutablePointer<Pointer?> {
    if case .apart = placement { return try input(pointers + Array(repeating: spare, count: 8), as: name) }
    return try input(pointers, as: name)
  }

  /// What undeclared columns point to in calls that do not test for them. Not read here.
  nonisolated(unsafe) static let spare: UnsafeMutablePointer<Double> = {
    let count = 1 << 16
    let numbers = UnsafeMutablePointer<Double>.allocate(capacity: count)
    numbers.initialize(repeating: 1, count: count)
    return numbers
  }()

  private func fill<Element: BitwiseCopyable>(
    _ place: UnsafeMutableRawPointer, _ values: [Element]
  ) -> UnsafeMutablePointer<Element> {
    let pointer = place.bindMemory(to: Element.self, capacity: values.count)
    pointer.initialize(from: values, count: values.count)
    return pointer
  }

  private func apart(_ size: Int, shift: Int) -> UnsafeMutableRawPointer {
    let offset = shift * MemoryLayout<Double>.stride
    let block = UnsafeMutableRawPointer.allocate(byteCount: size + offset + 2 * Self.room, alignment: 64)
    // Not zero, so that a read past an array does not find 0 by chance.
    block.initializeMemory(as: UInt8.self, repeating: 0x5A, count: size + offset + 2 * Self.room)
    blocks.append(block)
    return block + Self.room + offset
  }

  /// An array at one end of its pages, between two inaccessible pages.
  private func bordering(_ size: Int, _ side: CallPlacement.Side) throws -> UnsafeMutableRawPointer {
    let usable = max(1, (size + pageSize - 1) / pageSize) * pageSize
    let region = try map(usable + 2 * pageSize, PROT_NONE)
    mprotect(region.base + pageSize, usable, PROT_READ | PROT_WRITE)
    return region.base + pageSize + (side == .before ? 0 : usable - size)
  }

  private func unwritable(_ size: Int) throws -> UnsafeMutableRawPointer {
    let region = try map(((size + pageSize - 1) / pageSize + 2) * pageSize, PROT_READ | PROT_WRITE)
    sealed.append(region)
    return region.base + pageSize
  }

  private func map(_ size: Int, _ protection: Int32) throws -> Pages {
    guard let base = mmap(nil, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED else {
      throw Failure("cannot allocate memory for a call: \(String(cString: strerror(errno)))")
    }
    pages.append(Pages(base: base, size: size))
    return Pages(base: base, size: size)
  }
}
