import Foundation
import LossKitHead
import Testing

@testable import Transformer

extension LlamaModel {
  /// A logit of a scored position.
  func logit(_ token: Int, _ position: Int, _ activations: Activations) -> Double {
    let hidden = architecture.hiddenSize
    let state = activations.scoredNorm + position * hidden, weight = weights.pointer + layout.head + token * hidden
    let sum = (0..<hidden).reduce(0) { $0 + Double(state[$1]) * Double(weight[$1]) }
    return architecture.variant.logitCap.map { Double($0) * tanh(sum / Double($0)) } ?? sum
  }
}

/// A safetensors file of float32 and int64 tensors.
struct ExpectedTensors {
  struct Tensor {
    let shape: [Int], values: [Double]
  }
  private var tensors: [String: Tensor] = [:]

  init(_ path: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let size = Int(data[0]) | Int(data[1]) << 8 | Int(data[2]) << 16
    let header = try #require(try JSONSerialization.jsonObject(with: data[8..<8 + size]) as? [String: [String: Any]])
    for (name, entry) in header where name != "__metadata__" {
      let shape = try #require(entry["shape"] as? [Int]), ends = try #require(entry["data_offsets"] as? [Int])
      let bytes = Array(data[8 + size + ends[0]..<8 + size + ends[1]]), count = shape.reduce(1, *)
      let values = bytes.withUnsafeBytes { bytes in
        (0..<count).map { index in
          entry["dtype"] as? String == "I64"
            ? Double(bytes.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self))
            : Double(bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self))
        }
      }
      tensors[name] = Tensor(shape: shape, values: values)
    }
  }

  subscript(name: String) -> Tensor? { tensors[name] }
}
