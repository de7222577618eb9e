import LossKit

/// The numbers the field watches, under TRL's names.
public struct PreferenceMetrics: Sendable, Equatable {
  /// Name and value, in the order in which they are shown.
  public var list: [(name: String, value: Double)]

  /// One of them.
  public subscript(_ name: String) -> Double? { list.first { $0.name == name }?.value }

  /// Equal names and values.
  public static func == (a: Self, b: Self) -> Bool {
    a.list.count == b.list.count && zip(a.list, b.list).allSatisfy { $0 == $1 }
  }
}

extension Objective {
  /// The metrics of a batch: means over its prompts.
  ///
  /// `rewards/…` are β·r, as the field reports them; `implicit_rewards/…` the unscaled r. Chosen is a prompt's best response,
  /// rejected the mean of the others; `rewards/accuracies` is the share of pairs of responses of which the better one has the
  /// strictly larger reward. Of unpaired feedback, chosen are the desirable responses, rejected the undesirable ones.
  public func metrics(_ batch: Batch, _ evaluation: Evaluation) -> PreferenceMetrics {
    var list = [("loss", mean(evaluation.loss))]
    if !evaluation.reward.isEmpty {
      let (chosen, rejected) = sides(of: evaluation.reward, in: batch)
      let beta = rewardScale
      list += [("rewards/chosen", beta * chosen), ("rewards/rejected", beta * rejected)]
      list += [("rewards/margins", beta * (chosen - rejected))]
      if batch.responses > 1 { list += [("rewards/accuracies", accuracy(of: evaluation.reward, in: batch))] }
      list += [("implicit_rewards/chosen", chosen), ("implicit_rewards/rejected", rejected)]
    }
    if let logProbabilities = batch.columns[Column.logProbability.name] {
      let (chosen, rejected) = sides(of: logProbabilities, in: batch)
      list += [("logps/chosen", chosen), ("logps/rejected", rejected)]
    }
    return PreferenceMetrics(list: list.filter { !$0.1.isNaN }.map { (name: $0.0, value: $0.1) })
  }

  /// NaN where there is none.
  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  private func sides(of values: [Double], in batch: Batch) -> (chosen: Double, rejected: Double) {
    if batch.responses == 1 {
      let labels = batch.columns[Column.label.name] ?? [Double](repeating: 1, count: batch.prompts)
      let chosen = zip(values, labels).filter { $0.1 > 0 }.map(\.0)
      return (mean(chosen), mean(zip(values, labels).filter { $0.1 <= 0 }.map(\.0)))
    }
    let rejected = (0..<batch.prompts).compactMap { prompt -> Double? in
      let others = 1..<max(1, batch.responseCount(ofPrompt: prompt))
      return others.isEmpty ? nil : mean(others.map { values[$0 * batch.prompts + prompt] })
    }
    return (mean(Array(values.prefix(batch.prompts))), mean(rejected))
  }

  private func accuracy(of rewards: [Double], in batch: Batch) -> Double {
    mean(
      (0..<batch.prompts).compactMap { prompt in
        let own = (0..<batch.responseCount(ofPrompt: prompt)).map { rewards[$0 * batch.prompts + prompt] }
        let pairs = own.indices.flatMap { better in own.indices.dropFirst(better + 1).map { own[better] > own[$0] } }
        return pairs.isEmpty ? nil : Double(pairs.count { $0 }) / Double(pairs.count)
      })
  }
}
