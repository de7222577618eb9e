import LossKitHead
import Testing

@testable import Transformer

extension WeightTensor {
  /// The tensor's part of an array laid out like the weights.
  func values(in buffer: FloatBuffer) -> [Double] { (offset..<offset + count).map { Double(buffer.pointer[$0]) } }

  /// The distance of the tensor's gradient from given values, and the length of these.
  func distance(of gradient: FloatBuffer, from values: [Double]) -> (distance: Double, length: Double) {
    let squares = zip(self.values(in: gradient), values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (squares.squareRoot(), values.reduce(0) { $0 + $1 * $1 }.squareRoot())
  }
}

extension Objective {
  /// Expects that a gradient agrees with central differences, tensor by tensor.
  func expectDifferences(agreeWith gradient: FloatBuffer) throws {
    var random = FixedNumbers(state: 11)
    for tensor in model.trainable.tensors {
      let slopes = tensor.values(in: gradient), length = slopes.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(length > 1e-3, "\(tensor.name) has no gradient to speak of")
      // The gradient's own direction, then a random one, each of Euclidean length 1.
      for direction in [slopes.map { $0 / length }, random.direction(count: tensor.count)] {
        let expected = try difference(tensor, direction)
        let found = zip(slopes, direction).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(
          abs(found - expected) < 1e-3 * length,
          "\(tensor.name): \(found) against \(expected), of a gradient of length \(length)")
      }
    }
  }
}
