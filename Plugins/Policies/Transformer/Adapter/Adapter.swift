import LossKit
import LossKitHead

/// Low-rank matrices added to the projections of a frozen model (LoRA; Hu et al. 2021): y = W x + scale · B (A x).
final class Adapter {
  let layout: AdapterLayout
  /// All matrices, in the order of `layout`.
  let weights: FloatBuffer
  /// The same in bfloat16, if products use it.
  private let rounded: FloatBuffer?
  /// Whether every B is 0 for good, so that the base alone is computed.
  private(set) var isVoid = false

  /// Creates an adapter whose matrices are 0.
  init(_ layout: AdapterLayout, isRounded: Bool) throws {
    self.layout = layout
    weights = try FloatBuffer(count: layout.count)
    rounded = isRounded ? try FloatBuffer(count: (layout.count + 1) / 2) : nil
  }

  /// The matrices in bfloat16, if products use it.
  var roundedWeights: UnsafeMutablePointer<BFloat16Bits>? {
    rounded?.bfloat16
  }

  /// Must be called after the weights are changed by anything but the optimizer.
  func roundWeights() {
    guard let target = roundedWeights else { return }
    _ = MatrixProducts.rounded(weights.pointer, stride: layout.count, into: target, rows: 1, columns: layout.count)
  }

  /// Fills A with uniform numbers within ±1/√columns, as PEFT does, and leaves B at 0, so that nothing is added yet.
  func initialize(seed: UInt64) {
    var bits = SplitMix64(seed: seed)
    for tensor in layout.tensors where tensor.name.hasSuffix(".lora_A.weight") {
      let bound = 1 / Double(tensor.shape[1]).squareRoot()
      for index in tensor.offset..<tensor.offset + tensor.count {
        weights.pointer[index] = Float(bound * (2 * Double(bits.next() >> 11) * 0x1p-53 - 1))
      }
    }
    roundWeights()
  }

  /// A copy that shares no memory and does not change any more.
  func frozenCopy() throws -> Adapter {
    let twin = try Adapter(layout, isRounded: rounded != nil)
    twin.weights.copy(from: weights)
    twin.roundWeights()
    twin.isVoid = layout.tensors.allSatisfy { tensor in
      !tensor.name.hasSuffix(".lora_B.weight")
        || (tensor.offset..<tensor.offset + tensor.count).allSatisfy { weights.pointer[$0] == 0 }
    }
    return twin
  }

  /// A matrix with rows of `columns` numbers, in the type of products.
  func matrix(_ offset: Int, columns: Int) -> Factor {
    roundedWeights.map { Factor(rounded: $0 + offset, stride: columns) }
      ?? Factor(weights.pointer + offset, stride: columns)
  }
}
