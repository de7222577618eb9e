import CLossKitRows
import LossKitSystem

/// Rotary position embeddings (Su et al. 2021) in the convention of Hugging Face's Llama: value j of a head is rotated with value j +
/// size/2, by the angle position · θ^(−2j/size).
struct Rotary {
  private let halfSize: Int
  private let theta: Double
  private var cosines: [Float] = []
  private var sines: [Float] = []

  init(headSize: Int, theta: Double) {
    halfSize = headSize / 2
    self.theta = theta
  }

  /// Computes the angles of the first `positions` positions, if they are not computed yet.
  mutating func prepare(positions: Int) {
    for position in (cosines.count / halfSize)..<max(positions, cosines.count / halfSize) {
      for j in 0..<halfSize {
        let angle = Double(position) * pow(theta, -Double(j) / Double(halfSize))
        cosines.append(Float(cos(angle)))
        sines.append(Float(sin(angle)))
      }
    }
  }

  /// Rotates `heads` contiguous heads of `input` into `output`, where heads are `stride` apart; may be in place. `inverse` rotates back,
  /// which is also the backward pass.
  @inline(__always)
  func rotate(
    _ input: UnsafeMutablePointer<Float>, into output: UnsafeMutablePointer<Float>, heads: Int, outputStride: Int,
    inputStride: Int, position: Int, inverse: Bool = false
  ) {
    cosines.withUnsafeBufferPointer { cosines in
      sines.withUnsafeBufferPointer { sines in
        guard let cosines = cosines.baseAddress, let sines = sines.baseAddress else { return }
        let c = cosines + position * halfSize, s = sines + position * halfSize
        let sign: Float = inverse ? -1 : 1, turn = RowKernels.best.rotate
        for head in 0..<heads {
          turn?(input + head * inputStride, c, s, sign, output + head * outputStride, halfSize)
        }
      }
    }
  }
}
