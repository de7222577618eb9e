import LossKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay, as PyTorch computes it. Norms are not decayed, which
/// is what Hugging Face's trainer does.
final class AdamW {
  /// Numbers that stay the same during training.
  struct Settings: Sendable, Equatable {
    var beta1 = 0.9
    var beta2 = 0.999
    var epsilon = 1e-8
  }

  let settings: Settings
  /// How many updates were made.
  var stepCount = 0
  /// The running means of the gradient and of its square, laid out as the weights.
  let firstMoments, secondMoments: FloatBuffer

  init(_ settings: Settings, count: Int) throws {
    self.settings = settings
    firstMoments = try FloatBuffer(count: count)
    secondMoments = try FloatBuffer(count: count)
  }

  /// Clips the gradient, updates the weights, clears the gradient, and returns its global norm before clipping. Throws for a
  /// gradient that is not finite, or whose square is beyond a float: only the gradient is cleared then.
  func step(_ model: LlamaModel, gradient: FloatBuffer, update: PolicyUpdate) throws -> Double {
    defer { gradient.clear() }
    let norm = Self.norm(gradient)
    let clip = norm > update.maxGradientNorm ? update.maxGradientNorm / norm : 1
    guard norm.isFinite, norm * clip < 1e19 else {
      throw Failure(
        "transformer: the gradient's norm is \(norm), the update was left out; lower the learning rate or look at the data"
      )
    }
    stepCount += 1
    for tensor in model.layout.tensors {
      let decay = tensor.role == .norm ? 0 : update.learningRate * update.weightDecay
      move(
        model.weights.pointer + tensor.offset, gradient.pointer + tensor.offset, at: tensor.offset,
        count: tensor.count, clip: Float(clip), rate: update.learningRate, decay: Float(decay))
    }
    return norm
  }

  private func move(
    _ weights: UnsafeMutablePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, at offset: Int, count: Int,
    clip: Float, rate: Double, decay: Float
  ) {
    let first = firstMoments.pointer + offset, second = secondMoments.pointer + offset
    let beta1 = Float(settings.beta1), beta2 = Float(settings.beta2), epsilon = Float(settings.epsilon)
    let rest1 = Float(1 - settings.beta1), rest2 = Float(1 - settings.beta2)
    let size = Float(rate / (1 - pow(settings.beta1, Double(stepCount))))
    let unbias = Float(1 / (1 - pow(settings.beta2, Double(stepCount))).squareRoot())
    for index in 0..<count {
      let slope = gradient[index] * clip
      let mean = beta1 * first[index] + rest1 * slope
      let square = beta2 * second[index] + rest2 * slope * slope
      first[index] = mean
      second[index] = square
      weights[index] -= decay * weights[index] + size * mean / (square.squareRoot() * unbias + epsilon)
    }
  }

  /// The Euclidean norm, summed in double.
  private static func norm(_ gradient: FloatBuffer) -> Double {
    var sums = SIMD8<Double>(repeating: 0)
    var index = 0
    while index + 8 <= gradient.count {
      let values = SIMD8<Double>(Vector(from: gradient.pointer + index))
      sums += values * values
      index += 8
    }
    var sum = sums.sum()
    while index < gradient.count {
      let value = Double(gradient.pointer[index])
      sum += value * value
      index += 1
    }
    return sum.squareRoot()
  }
}
