import Foundation
import Testing

@testable import Transformer

/// Tiny checkpoints of every family, with log-probabilities and gradients that transformers computed; each is read with its configuration
/// in both forms.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: Family.root)))
struct FamilyTests {
  @Test(arguments: Family.names, ["config.json", "config_v5.json"])
  func valuesAndGradients(family: String, configuration: String) throws {
    let expected = try ExpectedTensors("\(Family.root)/\(family)/expected.safetensors")
    try FixturePass(Family.model(family, configuration: configuration), inputs: expected)
      .expectAgreement(with: expected)
  }
}
