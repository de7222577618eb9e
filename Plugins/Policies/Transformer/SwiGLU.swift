import CLossKitRows
import LossKitHead

/// The gated activation silu(gate) · up (Shazeer 2020), where silu(x) = x · sigmoid(x). A row has the gates, then the ups.
enum SwiGLU {
  /// Writes silu(gate) · up, [rows, width], from [rows, 2 · width]; in bfloat16 if `isRounded`, also below.
  static func apply(
    _ gateUp: UnsafeMutablePointer<Float>, into output: UnsafeMutablePointer<Float>, isRounded: Bool, rows: Int,
    width: Int
  ) {
    let kernels = RowKernels.best
    let output = UnsafeMutableRawPointer(output), size = RowKernels.size(isRounded)
    Team.run(rows, fewest: RowKernels.fewestRows(width: width)) { _, rows in
      for row in rows {
        let gate = gateUp + row * 2 * width
        kernels.swiglu(gate, gate + width, output + row * width * size, isRounded ? 1 : 0, width)
      }
    }
  }

  /// Writes the gradients of gates and ups, given `cotangent`, and the output again.
  static func gradient(
    _ gateUp: UnsafeMutablePointer<Float>, cotangent: UnsafeMutablePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, isRounded: Bool, rows: Int,
    width: Int
  ) {
    let kernels = RowKernels.best
    let gradient = UnsafeMutableRawPointer(gradient), output = UnsafeMutableRawPointer(output)
    let size = width * RowKernels.size(isRounded)
    Team.run(rows, fewest: RowKernels.fewestRows(width: width)) { _, rows in
      for row in rows {
        let gate = gateUp + row * 2 * width, gateGradient = gradient + row * 2 * size
        kernels.swiglu_gradient(
          gate, gate + width, cotangent + row * width, output + row * size, gateGradient, gateGradient + size,
          isRounded ? 1 : 0, width)
      }
    }
  }
}
