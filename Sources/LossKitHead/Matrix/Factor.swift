/// A number in bfloat16: the upper half of a float.
package typealias BFloat16Bits = UInt16

/// A factor of a matrix product: a matrix in row-major memory, of floats or of bfloat16, or the transpose of one.
package struct Factor {
  let start: UnsafeRawPointer
  let stride: Int
  let isRounded: Bool
  private(set) var isTransposed = false

  /// Floats, rows `stride` apart.
  package init(_ start: UnsafePointer<Float>, stride: Int) {
    self.start = UnsafeRawPointer(start)
    self.stride = stride
    isRounded = false
  }

  /// Floats, rows `stride` apart.
  package init(_ start: UnsafeMutablePointer<Float>, stride: Int) {
    self.init(UnsafePointer(start), stride: stride)
  }

  /// Numbers in bfloat16, rows `stride` apart.
  package init(rounded start: UnsafePointer<BFloat16Bits>, stride: Int) {
    self.start = UnsafeRawPointer(start)
    self.stride = stride
    isRounded = true
  }

  /// The same memory, its columns as rows.
  package var transposed: Factor {
    var result = self
    result.isTransposed.toggle()
    return result
  }

  /// How far apart neighbours in a column, and in a row, are.
  var steps: (row: Int, column: Int) { isTransposed ? (1, stride) : (stride, 1) }
}

/// A matrix of floats in row-major memory that a product is written to.
package struct Matrix {
  /// The first row's first element.
  package var start: UnsafeMutablePointer<Float>
  /// How far apart the rows are.
  package var stride: Int

  /// The matrix at an address.
  package init(_ start: UnsafeMutablePointer<Float>, stride: Int) {
    self.start = start
    self.stride = stride
  }

  /// The matrix as a factor of another product.
  package var factor: Factor { Factor(start, stride: stride) }
  /// Its transpose as a factor.
  package var transposed: Factor { factor.transposed }
}
