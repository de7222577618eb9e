import CDNNL
import LossKit

/// Matrix products of floats by oneDNN, which threads them itself. With equal shapes and threads they give equal bits.
enum MatrixProduct {
  /// A matrix in row-major memory, or the transpose of one.
  struct Factor {
    let start: UnsafePointer<Float>
    let stride: Int
    var isTransposed = false

    var transposed: Factor { Factor(start: start, stride: stride, isTransposed: !isTransposed) }
  }

  /// output [rows, columns] = left [rows, inner] · right [inner, columns], or that added to it.
  static func run(
    _ left: Factor, _ right: Factor, rows: Int, columns: Int, inner: Int, into output: UnsafeMutablePointer<Float>,
    stride: Int, adding: Bool = false
  ) throws {
    let status = dnnl_sgemm(
      letter(left), letter(right), dnnl_dim_t(rows), dnnl_dim_t(columns), dnnl_dim_t(inner), 1, left.start,
      dnnl_dim_t(left.stride), right.start, dnnl_dim_t(right.stride), adding ? 1 : 0, output, dnnl_dim_t(stride))
    guard status == dnnl_success else {
      throw Failure(
        "linear head: oneDNN could not multiply \(rows)×\(inner) by \(inner)×\(columns): status \(status.rawValue)")
    }
  }

  private static func letter(_ factor: Factor) -> CChar {
    CChar((factor.isTransposed ? "T" : "N" as Unicode.Scalar).value)
  }

  /// Calls `body` with OpenMP's number of threads for this thread, which oneDNN follows, set to `threads`; 0 leaves it.
  static func withThreads<Result>(_ threads: Int, _ body: () throws -> Result) rethrows -> Result {
    guard threads > 0, let count = Int32(exactly: threads) else { return try body() }
    let before = omp_get_max_threads()
    omp_set_num_threads(count)
    defer { omp_set_num_threads(before) }
    return try body()
  }
}
