import Foundation
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime
@testable import LossKitSource

/// Exported objectives, each with a batch and LossKit's results.
struct ExportedCall {
  let text: String
  let objective: Objective
  let formula: ExportedFormula
  let batch: Batch
  let evaluation: Evaluation
  let state: [Double]

  static let seed: UInt64 = 12_345_678_901_234_567_890

  init(_ text: String) throws {
    self.text = text
    objective = try Objective(text, in: BuiltPlugins.registry())
    formula = try ExportedFormula(objective, responses: nil, references: nil)
    batch = ExportCases.batch(objective, prompts: 5, seed: 3)
    var state = objective.initialState
    evaluation = try objective.evaluate(batch, state: &state, seed: Self.seed)
    self.state = state
  }

  /// The columns that a function takes, in order, and those that it returns gradients of.
  var inputs: [Column] { formula.columns.indices.filter { $0 != formula.tokenSum }.map { formula.columns[$0] } }
  var differentiated: [Column] {
    let slots = (formula.main?.gradients ?? []) + (formula.tokens?.gradients ?? [])
    return inputs.filter { column in slots.contains { formula.columns[$0.slot.column].name == column.name } }
  }

  /// The largest error of results in LossKit's layout.
  func worst(loss: [Double], reward: [Double], gradients: [String: [Double]], state: [Double]) -> Double {
    let errors =
      [worstError(loss, evaluation.loss), worstError(reward, evaluation.reward), worstError(state, self.state)]
      + evaluation.gradients.map { name, expected in
        worstError(gradients[name] ?? expected.map { _ in 0 }, expected)
      }
    return errors.max() ?? 0
  }
}
