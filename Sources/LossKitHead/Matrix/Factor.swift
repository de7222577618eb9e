import CLossKitRows

/// The bits of a bfloat16 number: the upper half of a float.
package typealias BFloat16Bits = UInt16

/// A factor of a matrix product: a row-major matrix of floats or bfloat16, or the transpose of one.
package struct Factor {
  let start: UnsafeRawPointer
  let stride: Int
  let isRounded: Bool
  private(set) var isTransposed = false

  /// Creates a factor of floats with rows `stride` apart.
  package init(_ start: UnsafePointer<Float>, stride: Int) {
    self.start = UnsafeRawPointer(start)
    self.stride = stride
    isRounded = false
  }

  /// Creates a factor of floats with rows `stride` apart.
  package init(_ start: UnsafeMutablePointer<Float>, stride: Int) {
    self.init(UnsafePointer(start), stride: stride)
  }

  /// Creates a factor of bfloat16 numbers with rows `stride` apart.
  package init(rounded start: UnsafePointer<BFloat16Bits>, stride: Int) {
    self.start = UnsafeRawPointer(start)
    self.stride = stride
    isRounded = true
  }

  /// The transpose, in the same memory.
  package var transposed: Factor {
    var result = self
    result.isTransposed.toggle()
    return result
  }

  /// The matrix without its first columns, in the same memory; not for a transpose.
  package func dropping(columns: Int) -> Factor {
    isRounded
      ? Factor(rounded: start.assumingMemoryBound(to: BFloat16Bits.self) + columns, stride: stride)
      : Factor(start.assumingMemoryBound(to: Float.self) + columns, stride: stride)
  }

  /// Calls `body` with each row, as floats.
  package func forEachRow(rows: Int, columns: Int, _ body: (UnsafePointer<Float>) -> Void) {
    guard isRounded else {
      for row in 0..<rows { body(start.assumingMemoryBound(to: Float.self) + row * stride) }
      return
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { expanded in
      guard let values = expanded.baseAddress else { return }
      for row in 0..<rows {
        losskit_expand_bfloat16(start.assumingMemoryBound(to: BFloat16Bits.self) + row * stride, columns, values)
        body(values)
      }
    }
  }

  /// The strides between adjacent elements of a column and of a row.
  var steps: (row: Int, column: Int) { isTransposed ? (1, stride) : (stride, 1) }
}

/// A row-major matrix of floats, the output of a product.
package struct Matrix {
  /// The first element.
  package var start: UnsafeMutablePointer<Float>
  /// The stride between rows, in floats.
  package var stride: Int

  /// Creates a matrix at an address.
  package init(_ start: UnsafeMutablePointer<Float>, stride: Int) {
    self.start = start
    self.stride = stride
  }

  /// The matrix as a factor of another product.
  package var factor: Factor { Factor(start, stride: stride) }
  /// Its transpose as a factor.
  package var transposed: Factor { factor.transposed }
}
