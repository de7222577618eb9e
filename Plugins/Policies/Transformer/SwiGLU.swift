import CTransformerKernels

/// The gated activation silu(gate) · up (Shazeer 2020), where silu(x) = x · sigmoid(x). A row holds the gates, then the ups.
enum SwiGLU {
  /// Writes silu(gate) · up, [rows, width], from [rows, 2 · width].
  static func apply(
    _ gateUp: UnsafeMutablePointer<Float>, into output: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    let kernels = RowKernels.best
    for row in 0..<rows {
      let gate = gateUp + row * 2 * width
      kernels.swiglu(gate, gate + width, output + row * width, width)
    }
  }

  /// Writes the gradients of gates and ups from `cotangent`, and the output once more.
  static func gradient(
    _ gateUp: UnsafeMutablePointer<Float>, cotangent: UnsafeMutablePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    let kernels = RowKernels.best
    for row in 0..<rows {
      let gate = gateUp + row * 2 * width, gateGradient = gradient + row * 2 * width
      kernels.swiglu_gradient(
        gate, gate + width, cotangent + row * width, output + row * width, gateGradient, gateGradient + width, width)
    }
  }
}
