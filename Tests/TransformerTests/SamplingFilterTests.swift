import Foundation
import Testing

@testable import LossKitJSON
@testable import Transformer

/// Filters against the probabilities that transformers computed.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: "../shared/models/sampling_filters.json")))
struct SamplingFilterTests {
  @Test func probabilitiesOfTransformers() throws {
    let cases = try SmolLM2.rows("sampling_filters.json", "cases")
    #expect(cases.count == 24)
    for vector in cases {
      func number(_ name: String) throws -> Double { try #require(vector[name]?.double) }
      let filters = SamplingFilters(
        topK: Int(try number("top_k")), temperature: try number("temperature"), topP: try number("top_p"),
        minP: try number("min_p"), repetitionPenalty: try number("repetition_penalty"))
      var logits = try #require(vector["logits"]?.array).compactMap(\.double).map { Float($0) }
      var weights = logits
      let previous = Set(try vector.integers("previous").map(Int32.init))
      logits.withUnsafeMutableBufferPointer { logits in
        weights.withUnsafeMutableBufferPointer { weights in
          guard let logits = logits.baseAddress, let start = weights.baseAddress else { return }
          filters.penalize(logits, previous)
          filters.makeWeights(start, from: logits, count: weights.count)
        }
      }
      let total = weights.reduce(0) { $0 + Double($1) }
      var found = weights.map { Double($0) / total }
      var expected = try #require(vector["probabilities"]?.array).compactMap(\.double)
      // Which of equally likely tokens is kept depends on a sort.
      if vector["ties"] == .bool(true) {
        found.sort()
        expected.sort()
      }
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(vector.text(of: "top_p"))")
      #expect(found.count { $0 > 0 } == expected.count { $0 > 0 })
    }
  }

  @Test func drawsByWeight() {
    let weights: [Float] = [0, 1, 0, 2, 1]
    let drawn = [0, 0.2, 0.26, 0.5, 0.74, 0.76, 0.999999].map {
      SamplingFilters.token(at: $0, of: weights, count: weights.count)
    }
    #expect(drawn == [1, 1, 3, 3, 3, 4, 4])
  }

  @Test func numbersDependOnEachPart() {
    let all = [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)].map {
      SampleSeed(UInt64($0.0), prompt: UInt64($0.1), number: $0.2).fraction(0)
    }
    #expect(Set(all).count == 4)
    #expect(all[0] == SampleSeed(1, prompt: 0, number: 0).fraction(0))
    let mean = (0..<10_000).reduce(0) { $0 + SampleSeed(3, prompt: 4, number: 5).fraction($1) } / 10_000
    #expect(abs(mean - 0.5) < 0.02)
  }
}
