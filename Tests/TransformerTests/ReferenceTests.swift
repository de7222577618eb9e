import LossKitHead
import LossKitJSON
import LossKitLogits
import Testing

@testable import LossKit
@testable import Transformer

/// The forward pass, compared with Fixtures/llama.json, which generate.py computes in NumPy float64.
struct ReferenceTests {
  @Test func tokenLogProbabilitiesAgreeWithNumPy() throws {
    let cases = try Fixture.read("llama.json")
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

/// The fixtures, and their weights.
enum Fixture {
  /// A model and its results for some texts.
  struct Case {
    let architecture: Architecture
    let samples: [(prompt: String, response: String, logps: [Double])]

    init(_ json: JSONValue) throws {
      let members = try #require(json.object)
      var options = TransformerOptions()
      for option in TransformerOptions.integers {
        if let value = members[option.name] { options[keyPath: option.path] = try #require(value.integer) }
      }
      for option in TransformerOptions.reals where option.name != "initializer_range" {
        options[keyPath: option.path] = try #require(members[option.name]?.double)
      }
      options.architecture.isTied = try #require(members[TransformerOptions.tie.name]?.bool as Bool?)
      options.architecture.contextLength = 512
      architecture = options.architecture
      samples = try #require(members["samples"]?.array).map { sample in
        let members = try #require(sample.object)
        return (
          try #require(members["prompt"]?.string), try #require(members["response"]?.string),
          try #require(members["logps"]?.array).map { try #require($0.double) }
        )
      }
    }
  }

  /// The cases of a file.
  static func read(_ name: String, beside path: String = #filePath) throws -> [Case] {
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    let file = try File.reading("/\(folder)/Fixtures/\(name)")
    let json = try JSONValue(parsing: file.read(file.size(), at: 0))
    return try #require(json.object?["cases"]?.array).map { try Case($0) }
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
