import CLossKitRows
import LossKitHead

/// RMSNorm (Zhang and Sennrich 2019): y = w · x / √(mean x² + ε), row by row.
enum Norm {
  /// Writes 1 / √(mean x² + ε) of each row.
  static func inverses(
    _ input: UnsafeMutablePointer<Float>, into inverses: UnsafeMutablePointer<Float>, rows: Int, width: Int,
    epsilon: Float
  ) {
    let kernels = RowKernels.best
    Team.run(rows, fewest: RowKernels.fewestRows(width: width)) { _, rows in
      for row in rows {
        let x = input + row * width
        inverses[row] = 1 / (kernels.dot(x, x, width) / Float(width) + epsilon).squareRoot()
      }
    }
  }

  /// Writes w · x · inverse, in bfloat16 if `isRounded`.
  static func apply(
    _ input: UnsafeMutablePointer<Float>, inverses: UnsafeMutablePointer<Float>, weight: UnsafeMutablePointer<Float>,
    into output: UnsafeMutablePointer<Float>, isRounded: Bool, rows: Int, width: Int
  ) {
    let kernels = RowKernels.best
    let output = UnsafeMutableRawPointer(output), size = RowKernels.size(isRounded)
    Team.run(rows, fewest: RowKernels.fewestRows(width: width)) { _, rows in
      for row in rows {
        kernels.norm(
          input + row * width, inverses[row], weight, output + row * width * size, isRounded ? 1 : 0, width)
      }
    }
  }

  /// The size of `sums` below, in floats.
  static func sumCount(width: Int) -> Int { Team.size * width }

  /// Adds to `gradient` the gradient of x, and to `weightGradient`, unless it is nil, that of w, given `cotangent`, the gradient of y.
  /// `sums` is scratch memory for the threads' parts of the weight gradient.
  static func addGradient(
    _ input: UnsafeMutablePointer<Float>, inverses: UnsafeMutablePointer<Float>, weight: UnsafeMutablePointer<Float>,
    cotangent: UnsafeMutablePointer<Float>, into gradient: UnsafeMutablePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>?, sums: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    let kernels = RowKernels.best
    let members = Team.run(rows, fewest: RowKernels.fewestRows(width: width)) { member, rows in
      let own = sums + member * width
      let sum = member == 0 ? weightGradient ?? own : own
      if member > 0 { sum.update(repeating: 0, count: width) }
      for row in rows {
        kernels.norm_gradient(
          input + row * width, inverses[row], weight, cotangent + row * width, gradient + row * width, sum, width)
      }
    }
    guard let weightGradient else { return }
    for member in 1..<max(1, members) { kernels.add(weightGradient, sums + member * width, width) }
  }
}
