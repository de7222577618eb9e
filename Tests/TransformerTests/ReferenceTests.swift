import Testing

@testable import LossKit
@testable import Transformer

/// The forward pass against Fixtures/llama.json, which generate.py computes in NumPy float64.
struct ReferenceTests {
  @Test func tokenLogProbabilitiesAgreeWithNumPy() throws {
    let json = try Fixture.read("llama.json")
    guard case .array(let cases)? = json["cases"] else { throw Failure("the fixture has no cases") }
    #expect(cases.count == 3)
    var worst = 0.0
    for item in cases {
      let model = try LlamaModel(architecture(item))
      Fixture.fill(model)
      let activations = try Activations(model.architecture, isKept: false)
      let workspace = try Workspace(model.architecture)
      model.prepare(positions: model.architecture.contextLength)
      guard case .array(let samples)? = item["samples"] else { throw Failure("a case has no samples") }
      for sample in samples {
        guard let prompt = sample["prompt"]?.text, let response = sample["response"]?.text,
          case .array(let values)? = sample["logps"]
        else { throw Failure("a sample is incomplete") }
        let texts = single(prompt, response)
        let batch = try texts.tokens(context: model.architecture.contextLength)
        try model.forward(batch, activations, workspace)
        #expect(batch.targets.count == values.count)
        for (index, value) in values.enumerated() {
          let expected = try #require(value.real), found = Double(activations.logProbabilities[index])
          worst = max(worst, abs(found - expected) / max(1, abs(expected)))
        }
      }
    }
    #expect(worst < 3e-6)
  }

  private func architecture(_ item: JSON) throws -> Architecture {
    var options = TransformerOptions()
    for option in TransformerOptions.integers where option.name != "max_position_embeddings" {
      options[keyPath: option.path] = try #require(item[option.name]?.integer)
    }
    options.architecture.contextLength = 512
    options.architecture.ropeTheta = try #require(item["rope_theta"]?.real)
    options.architecture.normEpsilon = try #require(item["rms_norm_eps"]?.real)
    options.architecture.isTied = item["tie_word_embeddings"] == .boolean(true)
    return options.architecture
  }
}

/// Files beside the tests, and the weights that go with them.
enum Fixture {
  static func read(_ name: String, beside path: String = #filePath) throws -> JSON {
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    let file = try File.reading("/\(folder)/Fixtures/\(name)")
    var bytes = [UInt8](repeating: 0, count: try file.size())
    try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    return try bytes.withUnsafeBytes { try JSON(parsing: $0, place: name) }
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
