// Columns as C takes them: an array of pointers, valid during a call.

extension [[Double]] {
  /// Calls `body` with pointers to all arrays; NULL for an empty one.
  func withBufferPointers<Result>(_ body: ([UnsafePointer<Double>?]) throws -> Result) rethrows -> Result {
    func borrow(_ index: Int, _ pointers: [UnsafePointer<Double>?]) throws -> Result {
      guard index < count else { return try body(pointers) }
      return try self[index].withUnsafeBufferPointer { buffer in
        try borrow(index + 1, pointers + [buffer.isEmpty ? nil : buffer.baseAddress])
      }
    }
    return try borrow(0, [])
  }

  /// Calls `body` with pointers to all arrays, for writing; NULL for an empty one.
  mutating func withMutableBufferPointers<Result>(
    _ body: ([UnsafeMutablePointer<Double>?]) throws -> Result
  ) rethrows -> Result {
    func borrow(_ arrays: inout [[Double]], _ index: Int, _ pointers: [UnsafeMutablePointer<Double>?]) throws -> Result
    {
      guard index < arrays.count else { return try body(pointers) }
      // Taken out while it is borrowed, so that the others can be borrowed, too.
      var array = arrays[index]
      arrays[index] = []
      defer { arrays[index] = array }
      return try array.withUnsafeMutableBufferPointer { buffer in
        try borrow(&arrays, index + 1, pointers + [buffer.isEmpty ? nil : buffer.baseAddress])
      }
    }
    return try borrow(&self, 0, [])
  }
}
