import LossKit
import LossKitSystem

/// A cache-line-aligned block of floats, freed with its owner. A failed allocation throws instead of trapping.
package final class FloatBuffer {
  /// The first float. Growing the block changes the address.
  package private(set) var pointer: UnsafeMutablePointer<Float>
  /// The capacity in floats.
  package private(set) var count: Int

  /// Creates a block of `count` zeros.
  package init(count: Int) throws {
    pointer = try Self.allocate(count)
    self.count = count
  }

  deinit { free(pointer) }

  /// Reserves room for `count` floats; growing the block discards its contents.
  package func reserve(_ count: Int) throws {
    guard count > self.count else { return }
    let larger = try Self.allocate(count)
    free(pointer)
    pointer = larger
    self.count = count
  }

  /// Sets everything to 0.
  package func clear() { pointer.update(repeating: 0, count: count) }

  /// Copies the values of a block of the same size.
  package func copy(from other: FloatBuffer) {
    pointer.update(from: other.pointer, count: min(count, other.count))
  }

  /// The memory as bfloat16 numbers, twice as many.
  package var bfloat16: UnsafeMutablePointer<BFloat16Bits> {
    UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: BFloat16Bits.self)
  }

  /// The floats as bytes.
  package var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: pointer, count: count * MemoryLayout<Float>.stride)
  }

  private static func allocate(_ count: Int) throws -> UnsafeMutablePointer<Float> {
    let (size, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    var memory: UnsafeMutableRawPointer?
    guard !overflow, posix_memalign(&memory, 64, size) == 0, let memory else {
      throw Failure("not enough memory for \(count) numbers; choose a smaller model, batch or tile of logits")
    }
    memset(memory, 0, size)
    return memory.bindMemory(to: Float.self, capacity: max(count, 1))
  }
}

/// Divides a block into arrays, each aligned to a cache line.
package struct Carver {
  private var next: UnsafeMutablePointer<Float>

  /// Starts at the beginning of a block.
  package init(_ buffer: FloatBuffer) { next = buffer.pointer }

  /// The number of floats that arrays of these sizes take.
  package static func size(of counts: [Int]) -> Int { counts.reduce(0) { $0 + padded($1) } }

  /// The next `count` floats.
  package mutating func take(_ count: Int) -> UnsafeMutablePointer<Float> {
    defer { next += Self.padded(count) }
    return next
  }

  private static func padded(_ count: Int) -> Int { (count + 15) & ~15 }
}
