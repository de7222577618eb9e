import LossKitHead

/// What training changes: the flat array of a model's weights, or that of its adapter alone.
struct Trainable {
  let tensors: [WeightTensor]
  let weights: FloatBuffer
  /// The same in bfloat16, if products use it.
  let rounded: UnsafeMutablePointer<BFloat16Bits>?

  /// The number of weights.
  var count: Int { weights.count }
}

extension LlamaModel {
  /// What training changes.
  var trainable: Trainable {
    guard let adapter else { return Trainable(tensors: layout.tensors, weights: weights, rounded: roundedWeights) }
    return Trainable(tensors: adapter.layout.tensors, weights: adapter.weights, rounded: adapter.roundedWeights)
  }
}

/// Where a backward pass adds the gradient: of all weights, or of an adapter alone.
struct GradientTarget {
  let weights, adapter: UnsafeMutablePointer<Float>?

  /// The gradient of what training changes.
  init(_ gradient: FloatBuffer, hasAdapter: Bool) {
    weights = hasAdapter ? nil : gradient.pointer
    adapter = hasAdapter ? gradient.pointer : nil
  }

  /// The gradient of a weight; nil if there is no such weight, or if it is frozen.
  func weight(_ offset: Int?) -> UnsafeMutablePointer<Float>? {
    guard let weights, let offset else { return nil }
    return weights + offset
  }
}
