import FoundationEssentials
import LossKitHead
import LossKitLogits
import LossKitSystem
import Testing

@testable import LossKit
@testable import LossKitRuntime
@testable import Transformer

/// The columns that depend on the whole distribution at each position.
struct DistributionTests {
  private static func model(scale: Float, tied: Bool) throws -> LlamaModel {
    let model = try LlamaModel(
      Architecture(
        hiddenSize: 24, intermediateSize: 20, layerCount: 2, headCount: 4, keyValueHeadCount: 2, contextLength: 400,
        isTied: tied))
    Fixture.fill(model)
    for index in 0..<model.layout.count { model.weights.pointer[index] *= scale }
    return model
  }

  private static let rows: [(String, [String])] = [
    ("Why", [" not now", "x"]), ("", ["zz"]), ("A film", [" Ok.", "bad, very"]),
  ]

  private static func texts() -> TransformerTests.Texts { TransformerTests.Texts(rows) }

  private static func hostTexts() throws -> LossKitRuntime.Texts {
    try LossKitRuntime.Texts(prompts: rows.map(\.0), responses: rows.map(\.1))
  }

  private static func policies() throws -> [PolicyInstance] {
    let type = try LoadedPolicyType(PolicyExport<Transformer>.descriptor(), library: "tests")
    let options = ["hidden_size": 16.0, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 4]
    return try (1...3).map { try type.create(options: options, seed: $0) }
  }

  /// The models of policies, loaded from saved files.
  private static func models(of policies: [PolicyInstance], in directory: String) throws -> [LlamaModel] {
    try policies.enumerated().map { number, policy in
      let path = "\(directory)/\(number)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try policy.save(to: path, withOptimizer: false)
      return try Checkpoint(reading: path, options: TransformerOptions(), given: []).model
    }
  }

  @Test(arguments: [false, true])
  func theGradientOfDivergencesAgreesWithCentralDifferences(tied: Bool) throws {
    let policy = try Self.model(scale: 1, tied: tied)
    let objective = try DivergenceObjective(
      policy, references: [Self.model(scale: 0.9, tied: tied), Self.model(scale: 1.2, tied: false)],
      Self.texts().tokens(context: 400))
    let gradient = try FloatBuffer(count: policy.layout.count)
    try objective.backward(into: gradient)
    for tensor in policy.layout.tensors {
      let slopes = UnsafeBufferPointer(start: gradient.pointer + tensor.offset, count: tensor.count)
      let length = slopes.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(length > 1e-4, "\(tensor.name) has no gradient to speak of")
      let direction = slopes.map { Double($0) / length }
      let expected = try objective.difference(tensor, direction)
      #expect(abs(length - expected) < 2e-3 * length, "\(tensor.name): \(length) against \(expected)")
    }
  }

  @Test func valuesAreThoseOfPlainSums() throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let made = try Self.policies()
    let texts = try Self.hostTexts()
    let columns = try made[0].forward(
      texts, columns: ["policy_kl", "policy_log_collision"], references: [made[1], made[2], made[0].copy()])
    let kl = try #require(columns["policy_kl"]), collision = try #require(columns["policy_log_collision"])
    #expect(kl.count == 3 * 6)

    let models = try Self.models(of: made, in: directory)
    let batch = try Self.texts().tokens(context: 256)
    let tables = try models.map { try probabilities($0, batch) }
    for (sequence, row) in batch.rows.enumerated() {
      let scored = batch.scoredStarts[sequence]..<batch.scoredStarts[sequence + 1]
      for reference in 1...2 {
        let expected = scored.reduce(0.0) { total, position in
          total
            + zip(tables[reference][position], tables[0][position]).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
        }
        #expect(abs(kl[(reference - 1) * 6 + row] - expected) < 1e-5 * max(1, expected))
        #expect(expected > 1e-3)
      }
      #expect(abs(kl[2 * 6 + row]) < 1e-9)
      let expected = scored.reduce(0.0) { $0 + log(tables[0][$1].reduce(0) { $0 + $1 * $1 }) }
      #expect(abs(collision[row] - expected) < 1e-5 * abs(expected))
    }
    // The second prompt has one response.
    #expect(kl[4] == 0 && collision[4] == 0)
  }

  /// Gradients per response and per reference match the model, position by position.
  @Test func gradientsPerResponseAndReferenceAddUp() throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let made = try Self.policies()
    let models = try Self.models(of: made, in: directory)
    let texts = try Self.hostTexts()
    let slopes = [0.5, -1, 2, 0.25, 0, -0.75, 1.5, 0.125, -2, 0, 0, 1], direct = [1, 0.5, -1, 2, 0, 0.25]
    let others = Array(made.dropFirst())
    _ = try made[0].forward(
      texts, columns: ["policy_logp", "policy_kl"], references: others, keepingActivations: true)
    try made[0].backward(texts, references: others, gradients: ["policy_logp": direct, "policy_kl": slopes])
    let found = try made[0].step(PolicyUpdate(learningRate: 0))

    let batch = try Self.texts().tokens(context: 256)
    func perPosition(_ perRow: ArraySlice<Double>) -> [Double] {
      batch.rows.enumerated().flatMap { sequence, row in
        let count = batch.scoredStarts[sequence + 1] - batch.scoredStarts[sequence]
        return [Double](repeating: perRow[perRow.startIndex + row], count: count)
      }
    }
    let states = try (1...2).map { try ReferenceStates(of: batch, BatchPasses(models[$0])) }
    defer { withExtendedLifetime(states) {} }
    let references = try states.map { try $0.reference(from: 0) }
    let divergences = (1...2).map { perPosition(slopes[($0 - 1) * 6..<$0 * 6]) }
    let activations = try Activations(models[0].architecture, isKept: true)
    let workspace = try Workspace(models[0])
    let gradient = try FloatBuffer(count: models[0].layout.count)
    models[0].prepare(positions: batch.longest)
    try models[0].forward(batch, activations, workspace, references: references)
    try models[0].backward(
      batch, activations, workspace,
      cotangent: HeadCotangent(targets: perPosition(direct[...]), divergences: divergences), references: references,
      into: gradient)
    let norm = (0..<gradient.count).reduce(0) { $0 + Double(gradient.pointer[$1]) * Double(gradient.pointer[$1]) }
    #expect(abs(found - norm.squareRoot()) < 1e-5 * found)
    #expect(found > 0.1)
  }

  @Test func aCallWithoutReferencesSaysSo() throws {
    let type = try LoadedPolicyType(PolicyExport<Transformer>.descriptor(), library: "tests")
    let policy = try type.create(options: ["hidden_size": 16, "num_attention_heads": 4], seed: 1)
    let texts = try LossKitRuntime.Texts(prompts: ["p"], responses: [["r"]])
    let failure = #expect(throws: Failure.self) { try policy.forward(texts, columns: ["policy_kl"]) }
    #expect(failure?.message.contains("the call has none") == true)
  }

  /// The probabilities of all tokens at each scored position, by the definition of softmax.
  private func probabilities(_ model: LlamaModel, _ batch: TokenBatch) throws -> [[Double]] {
    let activations = try Activations(model.architecture, isKept: false)
    model.prepare(positions: batch.longest)
    try model.forward(batch, activations, Workspace(model))
    let size = model.architecture.hiddenSize
    let table = batch.targets.indices.map { position in
      let weights = (0..<model.architecture.vocabularySize).map { token in
        exp(
          (0..<size).reduce(0.0) { sum, index in
            sum + Double(activations.scoredNorm[position * size + index])
              * Double(model.weights.pointer[model.layout.head + token * size + index])
          })
      }
      let total = weights.reduce(0, +)
      return weights.map { $0 / total }
    }
    for (position, target) in batch.targets.enumerated() {
      #expect(abs(log(table[position][Int(target)]) - activations.logProbabilities[position]) < 1e-5)
    }
    return table
  }

  private func temporaryDirectory() throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/losskit-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }
}

/// Σ slope · log-probability + Σ slope · KL over the scored positions, with slopes of both signs.
private struct DivergenceObjective {
  let model: LlamaModel
  let batch: TokenBatch
  let cotangent: HeadCotangent
  let references: [ReferenceStates]
  let activations: Activations
  let workspace: Workspace

  init(_ model: LlamaModel, references: [LlamaModel], _ batch: TokenBatch) throws {
    self.model = model
    self.batch = batch
    self.references = try references.map { try ReferenceStates(of: batch, BatchPasses($0)) }
    cotangent = HeadCotangent(
      targets: batch.targets.indices.map { [0.25, -0.5, 0][$0 % 3] },
      divergences: references.indices.map { number in
        batch.targets.indices.map { number == 0 ? 1 + Double($0 % 3) : -0.5 + Double($0 % 2) }
      })
    activations = try Activations(model.architecture, isKept: true)
    workspace = try Workspace(model)
    model.prepare(positions: batch.longest)
  }

  func backward(into gradient: FloatBuffer) throws {
    try forward()
    try model.backward(
      batch, activations, workspace, cotangent: cotangent, references: references.map { try $0.reference(from: 0) },
      into: gradient)
  }

  private func forward() throws {
    try model.forward(
      batch, activations, workspace, references: references.map { try $0.reference(from: 0) })
  }

  private func value() throws -> Double {
    try forward()
    var total = zip(cotangent.targets, activations.logProbabilities).reduce(0) { $0 + $1.0 * $1.1 }
    for (slopes, scores) in zip(cotangent.divergences, activations.scores) {
      total += zip(slopes, scores.divergences).reduce(0) { $0 + $1.0 * $1.1 }
    }
    return total
  }

  /// The derivative along a direction, of fourth order in the step.
  func difference(_ tensor: WeightTensor, _ direction: [Double]) throws -> Double {
    let weights = model.weights.pointer + tensor.offset
    let saved = (0..<tensor.count).map { weights[$0] }
    let size = 5e-3
    func moved(_ steps: Double) throws -> Double {
      for index in saved.indices { weights[index] = Float(Double(saved[index]) + steps * size * direction[index]) }
      return try value()
    }
    let near = try moved(1) - moved(-1), far = try moved(2) - moved(-2)
    for index in saved.indices { weights[index] = saved[index] }
    return (8 * near - far) / (12 * size)
  }
}
