import FoundationEssentials
import LossKitHead
import LossKitLogits
import Testing

@testable import LossKit
@testable import Transformer

/// The forward pass against Fixtures/llama.json, which generate.py computes in NumPy float64.
struct ReferenceTests {
  @Test func tokenLogProbabilitiesAgreeWithNumPy() throws {
    let cases = try Fixture.read("llama.json").cases
    #expect(cases.count == 3)
    var worst = 0.0
    for item in cases {
      let model = try LlamaModel(item.architecture)
      Fixture.fill(model)
      let activations = try Activations(model.architecture, isKept: false)
      let workspace = try Workspace(model)
      model.prepare(positions: model.architecture.contextLength)
      for sample in item.samples {
        let texts = single(sample.prompt, sample.response)
        let batch = try texts.tokens(context: model.architecture.contextLength)
        try model.forward(batch, activations, workspace)
        #expect(batch.targets.count == sample.logps.count)
        for (index, expected) in sample.logps.enumerated() {
          let found = activations.logProbabilities[index]
          worst = max(worst, abs(found - expected) / max(1, abs(expected)))
        }
      }
    }
    #expect(worst < 3e-6)
  }
}

extension Activations {
  /// The log-probability of each target.
  var logProbabilities: [Double] { scores.first?.values ?? [] }
}

/// Files beside the tests, and the weights that go with them.
enum Fixture {
  /// The contents of llama.json.
  struct Contents: Decodable {
    let cases: [Case]
  }

  /// A model, and what it makes of some texts.
  struct Case: Decodable {
    struct Sample: Decodable {
      let prompt, response: String
      let logps: [Double]
    }

    let architecture: Architecture
    let samples: [Sample]

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: JSONObject.Name.self)
      var options = TransformerOptions()
      for option in TransformerOptions.integers where values.contains(.init(option.name)) {
        options[keyPath: option.path] = try values.decode(Int.self, forKey: .init(option.name))
      }
      for option in TransformerOptions.reals where option.name != "initializer_range" {
        options[keyPath: option.path] = try values.decode(Double.self, forKey: .init(option.name))
      }
      options.architecture.isTied = try values.decode(Bool.self, forKey: .init(TransformerOptions.tie.name))
      options.architecture.contextLength = 512
      architecture = options.architecture
      samples = try values.decode([Sample].self, forKey: .init("samples"))
    }
  }

  static func read(_ name: String, beside path: String = #filePath) throws -> Contents {
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    let file = try File.reading("/\(folder)/Fixtures/\(name)")
    return try JSONDecoder().decode(Contents.self, from: Data(file.read(file.size(), at: 0)))
  }

  /// The weights of generate.py: FNV-1a of the name, then MurmurHash3's finalizer.
  static func fill(_ model: LlamaModel) {
    for tensor in model.layout.tensors {
      let seed = tensor.name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
      for index in 0..<tensor.count {
        var h = seed &+ UInt32(truncatingIfNeeded: index) &* 2_654_435_761
        h ^= h >> 16
        h = h &* 0x85EB_CA6B
        h ^= h >> 13
        h = h &* 0xC2B2_AE35
        h ^= h >> 16
        let value = Double(h) * 0x1p-32 - 0.5
        model.weights.pointer[tensor.offset + index] = Float(tensor.role == .norm ? 1 + 0.5 * value : value)
      }
    }
  }
}
