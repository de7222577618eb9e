import LossKit

/// The metrics that the field reports, under TRL's names.
public struct PreferenceMetrics: Sendable, Equatable {
  /// Names and values, in display order.
  public var list: [(name: String, value: Double)]

  /// The value of the metric with a name, or nil.
  public subscript(_ name: String) -> Double? { list.first { $0.name == name }?.value }

  /// Equal names and values.
  public static func == (a: Self, b: Self) -> Bool {
    a.list.count == b.list.count && zip(a.list, b.list).allSatisfy { $0 == $1 }
  }
}

extension PreferenceMetrics {
  /// An evaluated batch, borrowed while its metrics are computed: arrays as in `losskit_frame`.
  public struct Source {
    /// The batch's extents.
    public var prompts, responses: Int
    /// [G] the number of responses of each prompt; nil: K each.
    public var counts: UnsafePointer<UInt32>?
    /// [G] losses.
    public var loss: UnsafePointer<Double>
    /// [K·G] implicit rewards, unscaled, log-probabilities of the policy, and labels, if available.
    public var reward, logProbability, label: UnsafePointer<Double>?

    /// Creates a source from an evaluated batch.
    public init(
      prompts: Int, responses: Int, counts: UnsafePointer<UInt32>?, loss: UnsafePointer<Double>,
      reward: UnsafePointer<Double>?, logProbability: UnsafePointer<Double>?, label: UnsafePointer<Double>?
    ) {
      self.prompts = prompts
      self.responses = responses
      self.counts = counts
      self.loss = loss
      self.reward = reward
      self.logProbability = logProbability
      self.label = label
    }
  }

  /// Calls `body` with the name and value of each available metric, in order.
  ///
  /// Allocates nothing: a host calls it at every training step, which may take microseconds.
  public static func forEach(of source: Source, rewardScale: Double, _ body: (StaticString, Double) -> Void) {
    func tell(_ name: StaticString, _ value: Double) { if !value.isNaN { body(name, value) } }
    tell("loss", source.mean(source.loss))
    if let reward = source.reward {
      let (chosen, rejected) = source.sides(of: reward)
      tell("rewards/chosen", rewardScale * chosen)
      tell("rewards/rejected", rewardScale * rejected)
      tell("rewards/margins", rewardScale * (chosen - rejected))
      if source.responses > 1 { tell("rewards/accuracies", source.accuracy(of: reward)) }
      tell("implicit_rewards/chosen", chosen)
      tell("implicit_rewards/rejected", rejected)
    }
    if let logProbability = source.logProbability {
      let (chosen, rejected) = source.sides(of: logProbability)
      tell("logps/chosen", chosen)
      tell("logps/rejected", rejected)
    }
  }
}

extension PreferenceMetrics.Source {
  fileprivate func mean(_ values: UnsafePointer<Double>) -> Double {
    var sum = 0.0
    for prompt in 0..<prompts { sum += values[prompt] }
    return sum / Double(prompts)
  }

  private func responseCount(ofPrompt prompt: Int) -> Int { counts.map { Int($0[prompt]) } ?? responses }

  /// Returns NaN for a side without responses.
  fileprivate func sides(of values: UnsafePointer<Double>) -> (chosen: Double, rejected: Double) {
    if responses == 1 { return sidesOfUnpaired(values) }
    var chosen = 0.0, rejected = 0.0, rankings = 0
    for prompt in 0..<prompts {
      chosen += values[prompt]
      let count = responseCount(ofPrompt: prompt)
      guard count > 1 else { continue }
      var others = 0.0
      for rank in 1..<count { others += values[rank * prompts + prompt] }
      rejected += others / Double(count - 1)
      rankings += 1
    }
    return (chosen / Double(prompts), rejected / Double(rankings))
  }

  private func sidesOfUnpaired(_ values: UnsafePointer<Double>) -> (chosen: Double, rejected: Double) {
    var chosen = 0.0, rejected = 0.0, desirable = 0
    for prompt in 0..<prompts {
      if label.map({ $0[prompt] > 0 }) ?? true {
        chosen += values[prompt]
        desirable += 1
      } else {
        rejected += values[prompt]
      }
    }
    return (chosen / Double(desirable), rejected / Double(prompts - desirable))
  }

  fileprivate func accuracy(of rewards: UnsafePointer<Double>) -> Double {
    var sum = 0.0, rankings = 0
    for prompt in 0..<prompts {
      let count = responseCount(ofPrompt: prompt)
      guard count > 1 else { continue }
      var right = 0
      for better in 0..<count - 1 {
        for worse in better + 1..<count
        where rewards[better * prompts + prompt] > rewards[worse * prompts + prompt] { right += 1 }
      }
      sum += Double(right) / Double(count * (count - 1) / 2)
      rankings += 1
    }
    return sum / Double(rankings)
  }
}

extension Objective {
  /// The metrics of a batch: means over its prompts.
  ///
  /// `rewards/…` are β·r, as the field reports them; `implicit_rewards/…` the unscaled r. Chosen is a prompt's best
  /// response, rejected the mean of the others; `rewards/accuracies` is the share of pairs of responses whose better
  /// one has the strictly larger reward. For unpaired feedback, chosen are the desirable responses, rejected the
  /// undesirable ones.
  public func metrics(_ batch: Batch, _ evaluation: Evaluation) -> PreferenceMetrics {
    var list: [(name: String, value: Double)] = []
    evaluation.loss.withUnsafeBufferPointer { loss in
      guard let loss = loss.start else { return }
      evaluation.reward.withUnsafeBufferPointer { reward in
        (batch.columns[Column.logProbability.name] ?? []).withUnsafeBufferPointer { logProbability in
          (batch.columns[Column.label.name] ?? []).withUnsafeBufferPointer { label in
            (batch.counts ?? []).withUnsafeBufferPointer { counts in
              let source = PreferenceMetrics.Source(
                prompts: batch.prompts, responses: batch.responses, counts: counts.start, loss: loss,
                reward: reward.start, logProbability: logProbability.start, label: label.start)
              PreferenceMetrics.forEach(of: source, rewardScale: rewardScale) { list.append(($0.description, $1)) }
            }
          }
        }
      }
    }
    return PreferenceMetrics(list: list)
  }
}

extension UnsafeBufferPointer {
  /// The address of the first element; nil if there is none.
  fileprivate var start: UnsafePointer<Element>? { isEmpty ? nil : baseAddress }
}
