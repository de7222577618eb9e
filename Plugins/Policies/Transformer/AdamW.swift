import CLossKitRows
import LossKit
import LossKitHead
import LossKitSystem

/// AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay, as computed by PyTorch. Norms are not decayed, as in Hugging
/// Face's trainer.
final class AdamW {
  /// Settings that are constant during training.
  struct Settings: Sendable, Equatable {
    var beta1 = 0.9
    var beta2 = 0.999
    var epsilon = 1e-8
  }

  let settings: Settings
  /// The number of updates made.
  var stepCount = 0
  /// The running means of the gradient and of its square, laid out like the weights.
  let firstMoments, secondMoments: FloatBuffer

  init(_ settings: Settings, count: Int) throws {
    self.settings = settings
    firstMoments = try FloatBuffer(count: count)
    secondMoments = try FloatBuffer(count: count)
  }

  /// Clips the gradient, updates the weights that are trained, clears the gradient, and returns its global norm before clipping. If the gradient is not
  /// finite, or its square exceeds the range of a float, throws and only clears the gradient.
  func step(_ model: LlamaModel, gradient: FloatBuffer, update: PolicyUpdate) throws -> Double {
    let norm = Self.norm(gradient)
    let clip = norm > update.maxGradientNorm ? update.maxGradientNorm / norm : 1
    guard norm.isFinite, norm * clip < 1e19 else {
      gradient.clear()
      throw Failure(
        "transformer: the gradient's norm is \(roundTripDecimal(norm)), the update was left out; lower the learning rate or look at the data"
      )
    }
    stepCount += 1
    let moving = kernelUpdate(rate: update.learningRate, clip: clip)
    let trained = model.trainable
    Threads.forEachRange(of: trained.count) { range in
      var moving = moving
      for tensor in trained.tensors {
        let part = range.clamped(to: tensor.offset..<tensor.offset + tensor.count), start = part.lowerBound
        moving.decay = tensor.isDecayed ? Float(update.learningRate * update.weightDecay) : 0
        RowKernels.best.adam(
          trained.weights.pointer + start, trained.rounded.map { $0 + start }, gradient.pointer + start,
          firstMoments.pointer + start,
          secondMoments.pointer + start, part.count, &moving)
      }
    }
    return norm
  }

  private func kernelUpdate(rate: Double, clip: Double) -> losskit_adam {
    losskit_adam(
      clip: Float(clip), beta1: Float(settings.beta1), beta2: Float(settings.beta2), rest1: Float(1 - settings.beta1),
      rest2: Float(1 - settings.beta2), size: Float(rate / (1 - pow(settings.beta1, Double(stepCount)))),
      unbias: Float(1 / (1 - pow(settings.beta2, Double(stepCount))).squareRoot()), epsilon: Float(settings.epsilon),
      decay: 0)
  }

  /// The Euclidean norm, summed in double, block by block, so that it does not depend on the number of threads.
  private static func norm(_ gradient: FloatBuffer) -> Double {
    let blockSize = 1 << 14
    var sums = [Double](repeating: 0, count: (gradient.count + blockSize - 1) / blockSize)
    sums.withUnsafeMutableBufferPointer { sums in
      Threads.forEachRange(of: sums.count, fewest: 4) { blocks in
        for block in blocks {
          sums[block] = squares(gradient, block * blockSize..<min((block + 1) * blockSize, gradient.count))
        }
      }
    }
    return sums.reduce(0, +).squareRoot()
  }

  private static func squares(_ gradient: FloatBuffer, _ range: Range<Int>) -> Double {
    var sums = SIMD8<Double>(repeating: 0)
    var index = range.lowerBound
    while index + 8 <= range.upperBound {
      let values = SIMD8<Double>(
        UnsafeRawPointer(gradient.pointer + index).loadUnaligned(as: SIMD8<Float>.self))
      sums += values * values
      index += 8
    }
    var sum = sums.sum()
    while index < range.upperBound {
      let value = Double(gradient.pointer[index])
      sum += value * value
      index += 1
    }
    return sum
  }
}
