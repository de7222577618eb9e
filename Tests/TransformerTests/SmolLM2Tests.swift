import Foundation
import LossKitHead
import LossKitLogits
import Testing

@testable import LossKit
@testable import LossKitJSON
@testable import Transformer

/// The real SmolLM2-135M-Instruct, which `make smollm2` makes, against values of transformers.
@Suite(.enabled(if: SmolLM2.isThere, "needs `make smollm2`"), .serialized)
struct SmolLM2Tests {
  @Test func logProbabilitiesOfRealDialogues() throws {
    let rows = try SmolLM2.rows("smollm2_hh_logps.json", "rows")
    let model = try SmolLM2.load()
    let passes = BatchPasses(model.model)
    // Every eighth, by default.
    let step = ProcessInfo.processInfo.environment["LOSSKIT_ALL_ROWS"] == nil ? 8 : 1
    var worst = 0.0
    for row in stride(from: 0, to: rows.count, by: step).map({ rows[$0] }) {
      let responses = try ["chosen", "rejected"].map { try row.integers("\($0)_ids").map(Int32.init) }
      let prompt = try EncodedPrompt(
        prompt: row.integers("prompt_ids").map(Int32.init), responses: responses, fixedCount: 0, context: 1024)
      let batch = TokenBatch([prompt])
      try passes.forward(batch, keepingActivations: false) { part, activations in
        let values = try #require(activations.scores.first).values
        for (index, name) in ["chosen", "rejected"].enumerated() {
          let sum = values[part.scoredStarts[index]..<part.scoredStarts[index + 1]].reduce(0, +)
          worst = max(worst, abs(sum - (try #require(row["\(name)_logp"]?.double))))
        }
      }
    }
    #expect(worst < 2e-3)
    print("largest difference of a sum of log-probabilities: \(worst)")
  }
}

enum SmolLM2 {
  static let path = ".build/models/SmolLM2-135M-Instruct"
  private static let shared = "../shared/models"
  static var isThere: Bool {
    FileManager.default.fileExists(atPath: path + "/model.safetensors")
      && FileManager.default.fileExists(atPath: shared)
  }

  static func load() throws -> Transformer {
    try Transformer.load(path: path, options: TransformerOptions(), given: [])
  }

  /// The objects of a list in a file of reference values.
  static func rows(_ file: String, _ key: String) throws -> [JSONObject] {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(shared)/\(file)")))
    return try #require(try JSONValue(parsing: bytes).object?[key]?.array).compactMap(\.object)
  }
}

extension JSONObject {
  func integers(_ name: String) throws -> [Int] { try #require(self[name]?.array).compactMap(\.integer) }
}
