import LossKit
import LossKitSystem

/// A block of floats on a cache line boundary, freed with its owner. Memory that cannot be had is an error, not a trap.
package final class FloatBuffer {
  /// The first float. A block that grows moves.
  package private(set) var pointer: UnsafeMutablePointer<Float>
  /// The floats there is room for.
  package private(set) var count: Int

  /// `count` zeros.
  package init(count: Int) throws {
    pointer = try Self.allocate(count)
    self.count = count
  }

  deinit { free(pointer) }

  /// Makes room for `count` floats; what was there is lost if the block has to grow.
  package func reserve(_ count: Int) throws {
    guard count > self.count else { return }
    let larger = try Self.allocate(count)
    free(pointer)
    pointer = larger
    self.count = count
  }

  /// Sets everything to 0.
  package func clear() { pointer.update(repeating: 0, count: count) }

  /// Takes the values of a block of the same size.
  package func copy(from other: FloatBuffer) {
    pointer.update(from: other.pointer, count: min(count, other.count))
  }

  /// The floats as bytes.
  package var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: pointer, count: count * MemoryLayout<Float>.stride)
  }

  private static func allocate(_ count: Int) throws -> UnsafeMutablePointer<Float> {
    let (size, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    var memory: UnsafeMutableRawPointer?
    guard !overflow, posix_memalign(&memory, 64, size) == 0, let memory else {
      throw Failure("no memory for \(count) numbers; choose a smaller model, batch or tile of logits")
    }
    memset(memory, 0, size)
    return memory.bindMemory(to: Float.self, capacity: max(count, 1))
  }
}

/// Cuts one block into arrays, each on a cache line boundary.
package struct Carver {
  private var next: UnsafeMutablePointer<Float>

  /// Begins at the block's start.
  package init(_ buffer: FloatBuffer) { next = buffer.pointer }

  /// The floats that arrays of these sizes take.
  package static func size(of counts: [Int]) -> Int { counts.reduce(0) { $0 + padded($1) } }

  /// The next `count` floats.
  package mutating func take(_ count: Int) -> UnsafeMutablePointer<Float> {
    defer { next += Self.padded(count) }
    return next
  }

  private static func padded(_ count: Int) -> Int { (count + 15) & ~15 }
}
