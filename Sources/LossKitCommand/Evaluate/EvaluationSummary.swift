import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitTraining

/// The summary of an evaluation: the resolved objective and the metrics.
struct EvaluationSummary {
  private let objective: Objective
  private let prompts: Int
  private let metrics: [(name: String, value: Double)]

  init(_ objective: Objective, _ sums: PreferenceMetrics.Sums) throws {
    self.objective = objective
    prompts = sums.prompts
    metrics = try sums.metrics(rewardScale: objective.rewardScale).list.map { ($0.name, $0.value) }
  }

  init(_ objective: Objective, _ evaluation: ModelEvaluation) {
    self.objective = objective
    prompts = evaluation.promptCount
    metrics = evaluation.metrics.map { ($0.name, $0.value) }
  }

  /// The summary as text.
  var text: String {
    let head = [["objective", objective.description], ["hash", objective.hash], ["prompts", "\(prompts)"]]
    let remark = objective.hasNumericGradient ? [["gradient", "numeric gradient"]] : []
    return alignedLines(head + remark + metrics.map { [$0.name, roundTripDecimal(rounded($0.value))] })
  }

  /// The summary as a flat JSON object.
  var json: JSONValue {
    .object(
      [
        ("objective", .string(objective.description)), ("hash", .string(objective.hash)),
        ("prompts", .number(prompts)), ("numeric_gradient", .bool(objective.hasNumericGradient)),
      ] + metrics.map { ($0.name, .number($0.value)) })
  }
}
