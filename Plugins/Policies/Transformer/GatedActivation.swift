import CLossKitRows
import LossKitHead

/// The gated activation f(gate) · up (Shazeer 2020), where f is silu, x · sigmoid(x), or the tanh form of GELU. A row has the gates, then
/// the ups.
struct GatedActivation {
  let function: LayerVariant.Activation

  /// Writes f(gate) · up, [rows, width], from [rows, 2 · width]; in bfloat16 if `isRounded`, also below.
  func apply(
    _ gateUp: UnsafeMutablePointer<Float>, into output: UnsafeMutablePointer<Float>, isRounded: Bool, rows: Int,
    width: Int
  ) {
    let apply = function == .silu ? RowKernels.best.swiglu : RowKernels.best.geglu
    let output = UnsafeMutableRawPointer(output), size = RowKernels.size(isRounded)
    Team.run(rows, fewest: RowKernels.fewestRows(width: width)) { _, rows in
      for row in rows {
        let gate = gateUp + row * 2 * width
        apply?(gate, gate + width, output + row * width * size, isRounded ? 1 : 0, width)
      }
    }
  }

  /// Writes the gradients of gates and ups, given `cotangent`, and the output again.
  func gradient(
    _ gateUp: UnsafeMutablePointer<Float>, cotangent: UnsafeMutablePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, isRounded: Bool, rows: Int,
    width: Int
  ) {
    let apply = function == .silu ? RowKernels.best.swiglu_gradient : RowKernels.best.geglu_gradient
    let gradient = UnsafeMutableRawPointer(gradient), output = UnsafeMutableRawPointer(output)
    let size = width * RowKernels.size(isRounded)
    Team.run(rows, fewest: RowKernels.fewestRows(width: width)) { _, rows in
      for row in rows {
        let gate = gateUp + row * 2 * width, gateGradient = gradient + row * 2 * size
        apply?(
          gate, gate + width, cotangent + row * width, output + row * size, gateGradient, gateGradient + size,
          isRounded ? 1 : 0, width)
      }
    }
  }
}
