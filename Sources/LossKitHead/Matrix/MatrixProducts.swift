import CDNNL
import CLossKitHead
import CLossKitRows
import LossKit

/// Matrix products by oneDNN, which threads them itself. Equal shapes and thread counts give bitwise equal results.
///
/// Both factors are floats or both bfloat16; sums are floats. A bfloat16 product is compiled once per shape; if oneDNN does not support
/// it on this processor, the factors are expanded to floats. Use an instance from one thread at a time.
package final class MatrixProducts {
  /// The maximum number of compiled shapes kept. Batches of different lengths have different shapes.
  private static let mostShapes = 512
  /// The number of multiplications below which a second thread costs more than it gains, much more if it has to wait for a processor.
  private static let fewestMultiplications = 1 << 19

  /// The key of a compiled bfloat16 product.
  private struct Shape: Hashable {
    let rows, columns, inner, leftStride, rightStride, outputStride: Int
    let isLeftTransposed, isRightTransposed, isAdding: Bool
    let threads: Int32
  }

  private final class Ready {
    let product: OpaquePointer
    init(_ product: OpaquePointer) { self.product = product }
    deinit { losskit_product_destroy(product) }
  }

  private var ready: [Shape: Ready] = [:]
  private let scratch, expandedLeft, expandedRight: FloatBuffer
  /// Whether to try oneDNN's bfloat16 products; false once one is not supported.
  private var isNative: Bool

  /// Creates products with their own scratch memory. Without `isNative`, bfloat16 products are computed as if oneDNN had none.
  package init(isNative: Bool = true) throws {
    self.isNative = isNative
    scratch = try FloatBuffer(count: 0)
    expandedLeft = try FloatBuffer(count: 0)
    expandedRight = try FloatBuffer(count: 0)
  }

  /// Computes output [rows, columns] = left [rows, inner] · right [inner, columns], or adds the product to output.
  package func run(
    _ left: Factor, _ right: Factor, into output: Matrix, rows: Int, columns: Int, inner: Int, adding: Bool = false
  ) throws {
    guard left.isRounded else {
      try Self.run(left, right, into: output, rows: rows, columns: columns, inner: inner, adding: adding)
      return
    }
    try Self.withThreads(worth: rows * columns * inner) {
      try runRounded(left, right, into: output, rows: rows, columns: columns, inner: inner, adding: adding)
    }
  }

  private func runRounded(
    _ left: Factor, _ right: Factor, into output: Matrix, rows: Int, columns: Int, inner: Int, adding: Bool
  ) throws {
    if let product = try product(left, right, output, rows: rows, columns: columns, inner: inner, adding: adding) {
      let status = losskit_product_run(
        product.product, left.start.assumingMemoryBound(to: UInt16.self),
        right.start.assumingMemoryBound(to: UInt16.self), output.start, scratch.pointer)
      guard status == 0 else { throw Self.failure(rows, columns, inner, "status \(status)") }
    } else {
      try Self.run(
        Self.expanded(left, into: expandedLeft, rows: rows, columns: inner),
        Self.expanded(right, into: expandedRight, rows: inner, columns: columns), into: output, rows: rows,
        columns: columns, inner: inner, adding: adding)
    }
  }

  /// Computes output [rows, columns] = scale · left [rows, inner] · right [inner, columns] for floats, or adds the product to output.
  package static func run(
    _ left: Factor, _ right: Factor, into output: Matrix, rows: Int, columns: Int, inner: Int, scale: Float = 1,
    adding: Bool = false
  ) throws {
    let status = withThreads(worth: rows * columns * inner) {
      dnnl_sgemm(
        letter(left), letter(right), dnnl_dim_t(rows), dnnl_dim_t(columns), dnnl_dim_t(inner), scale,
        left.start.assumingMemoryBound(to: Float.self), dnnl_dim_t(left.stride),
        right.start.assumingMemoryBound(to: Float.self), dnnl_dim_t(right.stride), adding ? 1 : 0, output.start,
        dnnl_dim_t(output.stride))
    }
    guard status == dnnl_success else { throw failure(rows, columns, inner, "status \(status.rawValue)") }
  }

  /// Rounds floats to the nearest bfloat16 and returns them as a factor with rows of `columns`.
  package static func rounded(
    _ values: UnsafePointer<Float>, stride: Int, into output: UnsafeMutablePointer<BFloat16Bits>, rows: Int,
    columns: Int
  ) -> Factor {
    Team.run(rows, fewest: (1 << 16) / max(1, columns) + 1) { _, rows in
      for row in rows { losskit_round_to_bfloat16(values + row * stride, columns, output + row * columns) }
    }
    return Factor(rounded: output, stride: columns)
  }

  /// Calls `body` with this thread's OpenMP thread count, which oneDNN follows, set to `threads`; 0 leaves it unchanged.
  package static func withThreads<Result>(_ threads: Int, _ body: () throws -> Result) rethrows -> Result {
    guard threads > 0, let count = Int32(exactly: threads) else { return try body() }
    let before = omp_get_max_threads()
    omp_set_num_threads(count)
    defer { omp_set_num_threads(before) }
    return try body()
  }

  /// Calls `body`, which multiplies, with as many threads as the work is worth, and without signals.
  private static func withThreads<Result>(worth multiplications: Int, _ body: () throws -> Result) rethrows -> Result {
    try BlockedSignals.during { try withThreads(multiplications < fewestMultiplications ? 1 : 0, body) }
  }

  /// The compiled product for a shape; nil if oneDNN does not support it.
  private func product(
    _ left: Factor, _ right: Factor, _ output: Matrix, rows: Int, columns: Int, inner: Int, adding: Bool
  ) throws -> Ready? {
    guard isNative else { return nil }
    let shape = Shape(
      rows: rows, columns: columns, inner: inner, leftStride: left.stride, rightStride: right.stride,
      outputStride: output.stride, isLeftTransposed: left.isTransposed, isRightTransposed: right.isTransposed,
      isAdding: adding, threads: omp_get_max_threads())
    if let product = ready[shape] { return product }
    var description = losskit_product_shape(
      rows: Int64(rows), columns: Int64(columns), inner: Int64(inner), left_row_step: Int64(left.steps.row),
      left_column_step: Int64(left.steps.column), right_row_step: Int64(right.steps.row),
      right_column_step: Int64(right.steps.column), output_row_step: Int64(output.stride), is_adding: adding ? 1 : 0)
    guard let created = losskit_product_create(&description) else {
      isNative = false
      return nil
    }
    let product = Ready(created)
    try scratch.reserve(losskit_product_scratch_size(created) / MemoryLayout<Float>.stride + 1)
    if ready.count >= Self.mostShapes { ready.removeAll(keepingCapacity: true) }
    ready[shape] = product
    return product
  }

  /// Expands a factor to floats, with the rows it has in memory.
  private static func expanded(_ factor: Factor, into buffer: FloatBuffer, rows: Int, columns: Int) throws -> Factor {
    let (rows, columns) = factor.isTransposed ? (columns, rows) : (rows, columns)
    try buffer.reserve(rows * columns)
    let start = factor.start.assumingMemoryBound(to: UInt16.self)
    for row in 0..<rows {
      losskit_expand_bfloat16(start + row * factor.stride, columns, buffer.pointer + row * columns)
    }
    let result = Factor(buffer.pointer, stride: columns)
    return factor.isTransposed ? result.transposed : result
  }

  private static func letter(_ factor: Factor) -> CChar {
    CChar((factor.isTransposed ? "T" : "N" as Unicode.Scalar).value)
  }

  private static func failure(_ rows: Int, _ columns: Int, _ inner: Int, _ reason: String) -> Failure {
    Failure("oneDNN could not multiply \(rows)×\(inner) by \(inner)×\(columns): \(reason)")
  }
}
