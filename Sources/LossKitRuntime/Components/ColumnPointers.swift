// Columns as C wants them: an array of pointers, valid while they are lent.

extension [[Double]] {
  /// Lends all arrays at once; an empty one as NULL.
  func withBufferPointers<Result>(_ body: ([UnsafePointer<Double>?]) throws -> Result) rethrows -> Result {
    func lend(_ index: Int, _ pointers: [UnsafePointer<Double>?]) throws -> Result {
      guard index < count else { return try body(pointers) }
      return try self[index].withUnsafeBufferPointer { buffer in
        try lend(index + 1, pointers + [buffer.isEmpty ? nil : buffer.baseAddress])
      }
    }
    return try lend(0, [])
  }

  /// Lends all arrays at once for writing; an empty one as NULL.
  mutating func withMutableBufferPointers<Result>(
    _ body: ([UnsafeMutablePointer<Double>?]) throws -> Result
  ) rethrows -> Result {
    func lend(_ arrays: inout [[Double]], _ index: Int, _ pointers: [UnsafeMutablePointer<Double>?]) throws -> Result {
      guard index < arrays.count else { return try body(pointers) }
      // Taken out while it is lent, so that the others can be lent too.
      var array = arrays[index]
      arrays[index] = []
      defer { arrays[index] = array }
      return try array.withUnsafeMutableBufferPointer { buffer in
        try lend(&arrays, index + 1, pointers + [buffer.isEmpty ? nil : buffer.baseAddress])
      }
    }
    return try lend(&self, 0, [])
  }
}
