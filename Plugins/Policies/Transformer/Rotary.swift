import CLossKitRows
import LossKitSystem

/// Rotary position embeddings (Su et al. 2021) in the convention of Hugging Face's Llama: value j of a head is rotated with value j + n,
/// where n is the number of rotated pairs; values from 2n on stay as they are.
struct Rotary {
  let frequencies: RotaryFrequencies
  private let headSize: Int
  private var cosines: [Float] = []
  private var sines: [Float] = []

  init(_ frequencies: RotaryFrequencies, headSize: Int) {
    self.frequencies = frequencies
    self.headSize = headSize
  }

  private var pairCount: Int { frequencies.angles.count }

  /// Computes the angles of the first `positions` positions, if they are not computed yet.
  mutating func prepare(positions: Int) {
    guard pairCount > 0 else { return }
    for position in (cosines.count / pairCount)..<max(positions, cosines.count / pairCount) {
      for frequency in frequencies.angles {
        let angle = Double(position) * frequency
        cosines.append(Float(cos(angle) * frequencies.factor))
        sines.append(Float(sin(angle) * frequencies.factor))
      }
    }
  }

  /// Rotates `heads` heads of `input`, which are `inputStride` apart, into `output`; may be in place. `inverse` applies the transposed
  /// map, which is the backward pass.
  @inline(__always)
  func rotate(
    _ input: UnsafeMutablePointer<Float>, into output: UnsafeMutablePointer<Float>, heads: Int, outputStride: Int,
    inputStride: Int, position: Int, inverse: Bool = false
  ) {
    if 2 * pairCount < headSize, input != output {
      for head in 0..<heads {
        let start = 2 * pairCount
        (output + head * outputStride + start).update(
          from: input + head * inputStride + start, count: headSize - start)
      }
    }
    cosines.withUnsafeBufferPointer { cosines in
      sines.withUnsafeBufferPointer { sines in
        guard let cosines = cosines.baseAddress, let sines = sines.baseAddress else { return }
        let c = cosines + position * pairCount, s = sines + position * pairCount
        let sign: Float = inverse ? -1 : 1, turn = RowKernels.best.rotate
        for head in 0..<heads {
          turn?(input + head * inputStride, c, s, sign, output + head * outputStride, pairCount)
        }
      }
    }
  }
}
