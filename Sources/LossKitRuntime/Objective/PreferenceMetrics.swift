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
    // Loops without arrays: this is called at every step of a host's training, which may take microseconds.
    var chosen = 0.0, rejected = 0.0, rankings = 0
    for prompt in 0..<batch.prompts {
      chosen += values[prompt]
      let count = batch.responseCount(ofPrompt: prompt)
      guard count > 1 else { continue }
      var others = 0.0
      for rank in 1..<count { others += values[rank * batch.prompts + prompt] }
      rejected += others / Double(count - 1)
      rankings += 1
    }
    return (chosen / Double(batch.prompts), rejected / Double(rankings))
  }

  private func accuracy(of rewards: [Double], in batch: Batch) -> Double {
    var sum = 0.0, rankings = 0
    for prompt in 0..<batch.prompts {
      let count = batch.responseCount(ofPrompt: prompt)
      guard count > 1 else { continue }
      var right = 0
      for better in 0..<count - 1 {
        for worse in better + 1..<count
        where rewards[better * batch.prompts + prompt] > rewards[worse * batch.prompts + prompt] { right += 1 }
      }
      sum += Double(right) / Double(count * (count - 1) / 2)
      rankings += 1
    }
    return sum / Double(rankings)
  }
}
