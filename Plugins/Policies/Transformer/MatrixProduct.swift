import CDNNL
import LossKit

/// A matrix in row-major memory: where it starts and how far apart its rows are.
struct Matrix {
  var start: UnsafeMutablePointer<Float>
  var stride: Int

  init(_ start: UnsafeMutablePointer<Float>, stride: Int) {
    self.start = start
    self.stride = stride
  }

  /// The matrix without its first rows.
  func dropping(rows: Int) -> Matrix { Matrix(start + rows * stride, stride: stride) }
}

/// Matrix products by oneDNN, which threads them itself. With equal shapes and threads they give equal bits.
enum MatrixProduct {
  /// output [rows, columns] = scale · left [rows, inner] · rightᵀ, right being [columns, inner]; added if `adding`.
  static func rowsByRows(
    _ left: Matrix, _ right: Matrix, into output: Matrix, rows: Int, columns: Int, inner: Int, scale: Float = 1,
    adding: Bool = false
  ) throws {
    try run("N", "T", left, right, output, rows, columns, inner, scale, adding)
  }

  /// output [rows, columns] = left [rows, inner] · right [inner, columns]; added if `adding`.
  static func rowsByColumns(
    _ left: Matrix, _ right: Matrix, into output: Matrix, rows: Int, columns: Int, inner: Int, adding: Bool = false
  ) throws {
    try run("N", "N", left, right, output, rows, columns, inner, 1, adding)
  }

  /// output [rows, columns] += leftᵀ · right, left being [inner, rows] and right [inner, columns].
  static func addColumnsByColumns(
    _ left: Matrix, _ right: Matrix, into output: Matrix, rows: Int, columns: Int, inner: Int
  ) throws {
    try run("T", "N", left, right, output, rows, columns, inner, 1, true)
  }

  private static func run(
    _ transposeLeft: Unicode.Scalar, _ transposeRight: Unicode.Scalar, _ left: Matrix, _ right: Matrix,
    _ output: Matrix, _ rows: Int, _ columns: Int, _ inner: Int, _ scale: Float, _ adding: Bool
  ) throws {
    let status = dnnl_sgemm(
      CChar(transposeLeft.value), CChar(transposeRight.value), dnnl_dim_t(rows), dnnl_dim_t(columns),
      dnnl_dim_t(inner), scale, left.start, dnnl_dim_t(left.stride), right.start, dnnl_dim_t(right.stride),
      adding ? 1 : 0, output.start, dnnl_dim_t(output.stride))
    guard status == dnnl_success else {
      throw Failure(
        "transformer: oneDNN could not multiply \(rows)×\(inner) by \(inner)×\(columns): status \(status.rawValue)")
    }
  }
}
