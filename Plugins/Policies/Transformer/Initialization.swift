import LossKit
import LossKitHead
import LossKitSystem

/// Fresh weights from a seed: norms 1; everything else normal with the standard deviation `range` (Hugging Face's
/// `initializer_range`), divided by √(2 · layers) for the two projections a layer adds to the residual stream (GPT-2's rule,
/// which keeps its variance independent of depth).
enum Initialization {
  static func fill(_ model: LlamaModel, range: Double, seed: UInt64) {
    var random = NormalNumbers(seed: seed)
    let residual = range / (2 * Double(model.architecture.layerCount)).squareRoot()
    for tensor in model.layout.tensors {
      let weights = model.weights.pointer + tensor.offset
      switch tensor.role {
      case .norm: weights.update(repeating: 1, count: tensor.count)
      case .bias: break
      case .embedding, .projection: random.fill(weights, count: tensor.count, deviation: range)
      case .residualProjection: random.fill(weights, count: tensor.count, deviation: residual)
      }
    }
  }
}

/// Normally distributed numbers, by the Box–Muller transform.
private struct NormalNumbers {
  private var bits: SplitMix64

  init(seed: UInt64) { bits = SplitMix64(seed: seed) }

  mutating func fill(_ output: UnsafeMutablePointer<Float>, count: Int, deviation: Double) {
    for index in stride(from: 0, to: count, by: 2) {
      let radius = deviation * (-2 * log(uniform())).squareRoot(), angle = 2 * Double.pi * uniform()
      output[index] = Float(radius * cos(angle))
      if index + 1 < count { output[index + 1] = Float(radius * sin(angle)) }
    }
  }

  /// A number in (0, 1).
  private mutating func uniform() -> Double { (Double(bits.next() >> 11) + 0.5) * 0x1p-53 }
}
