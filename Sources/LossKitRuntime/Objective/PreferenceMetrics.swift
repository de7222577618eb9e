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
    /// [G] the row of each prompt's first response, if its others follow; nil: row k·G + g.
    public var starts: UnsafePointer<Int>?
    /// [G] losses.
    public var loss: UnsafePointer<Double>
    /// Implicit rewards, unscaled, log-probabilities of the policy, and labels, by row, if available.
    public var reward, logProbability, label: UnsafePointer<Double>?

    /// Creates a source from an evaluated batch.
    public init(
      prompts: Int, responses: Int, counts: UnsafePointer<UInt32>?, starts: UnsafePointer<Int>? = nil,
      loss: UnsafePointer<Double>, reward: UnsafePointer<Double>?, logProbability: UnsafePointer<Double>?,
      label: UnsafePointer<Double>?
    ) {
      self.prompts = prompts
      self.responses = responses
      self.counts = counts
      self.starts = starts
      self.loss = loss
      self.reward = reward
      self.logProbability = logProbability
      self.label = label
    }
  }

  /// The sums that metrics are made of, over all prompts of the batches added. They do not depend on how the prompts are split.
  ///
  /// Allocates nothing: a host makes them at every training step, which may take microseconds.
  public struct Sums {
    /// The number of prompts added.
    public private(set) var prompts = 0
    /// The largest number of responses of a prompt.
    private var responses = 0
    private var loss = 0.0
    private var rewards, logProbabilities: Sides?
    /// The share of well-ordered pairs of responses, and the prompts with such pairs.
    private var right = 0.0, rankings = 0

    /// Creates sums over no prompt.
    public init() {}

    /// Adds the prompts of a batch. Throws, with the prompt of the largest number, if a sum is beyond the range of a double.
    public mutating func add(_ source: Source) throws {
      prompts += source.prompts
      responses = max(responses, source.responses)
      for prompt in 0..<source.prompts { loss += source.loss[prompt] }
      guard loss.isFinite else { throw source.overflow("losses", source.loss) }
      if let reward = source.reward {
        rewards = try source.sides(of: reward, "rewards", addedTo: rewards ?? Sides())
        source.addAccuracy(of: reward, to: &right, &rankings)
      }
      if let logProbability = source.logProbability {
        logProbabilities = try source.sides(
          of: logProbability, "log-probabilities", addedTo: logProbabilities ?? Sides())
      }
    }

    /// Calls `body` with the name and value of each available metric, in order. Throws for one that is not finite.
    public func forEach(rewardScale: Double, _ body: (StaticString, Double) -> Void) throws {
      func tell(_ name: StaticString, _ value: Double) throws {
        // A side without responses has no mean.
        if value.isNaN { return }
        guard value.isFinite else {
          throw Failure(
            "the metric \(name) of \(prompts) prompts is \(roundTripDecimal(value)); look for rewards far from the others'"
          )
        }
        body(name, value)
      }
      try tell("loss", loss / Double(prompts))
      if let (chosen, rejected) = rewards?.means(prompts: prompts, isUnpaired: responses == 1) {
        try tell("rewards/chosen", rewardScale * chosen)
        try tell("rewards/rejected", rewardScale * rejected)
        try tell("rewards/margins", rewardScale * (chosen - rejected))
        if responses > 1 { try tell("rewards/accuracies", right / Double(rankings)) }
        try tell("implicit_rewards/chosen", chosen)
        try tell("implicit_rewards/rejected", rejected)
      }
      if let (chosen, rejected) = logProbabilities?.means(prompts: prompts, isUnpaired: responses == 1) {
        try tell("logps/chosen", chosen)
        try tell("logps/rejected", rejected)
      }
    }

    /// The metrics as a list.
    package func metrics(rewardScale: Double) throws -> PreferenceMetrics {
      var list: [(name: String, value: Double)] = []
      try forEach(rewardScale: rewardScale) { list.append(($0.description, $1)) }
      return PreferenceMetrics(list: list)
    }
  }

  /// Sums over the chosen and the rejected responses.
  fileprivate struct Sides {
    /// Over the best responses of all prompts, and the mean others of those prompts that have others.
    var chosen = 0.0, rejected = 0.0, rankings = 0
    /// Over the desirable and the undesirable ones among single responses.
    var desirable = 0.0, undesirable = 0.0, desirableCount = 0

    var isFinite: Bool { chosen.isFinite && rejected.isFinite && desirable.isFinite && undesirable.isFinite }

    /// The means; NaN for a side without responses.
    func means(prompts: Int, isUnpaired: Bool) -> (chosen: Double, rejected: Double) {
      if isUnpaired {
        return (desirable / Double(desirableCount), undesirable / Double(prompts - desirableCount))
      }
      return (chosen / Double(prompts), rejected / Double(rankings))
    }
  }
}

extension PreferenceMetrics.Source {
  private func responseCount(ofPrompt prompt: Int) -> Int { counts.map { Int($0[prompt]) } ?? responses }

  private func row(_ rank: Int, ofPrompt prompt: Int) -> Int {
    starts.map { $0[prompt] + rank } ?? rank * prompts + prompt
  }

  fileprivate func sides(
    of values: UnsafePointer<Double>, _ name: StaticString, addedTo sides: PreferenceMetrics.Sides
  ) throws -> PreferenceMetrics.Sides {
    var sides = sides
    for prompt in 0..<prompts {
      let best = values[row(0, ofPrompt: prompt)]
      sides.chosen += best
      let count = responseCount(ofPrompt: prompt)
      if count > 1 {
        var others = 0.0
        for rank in 1..<count { others += values[row(rank, ofPrompt: prompt)] }
        sides.rejected += others / Double(count - 1)
        sides.rankings += 1
      } else if label.map({ $0[row(0, ofPrompt: prompt)] > 0 }) ?? true {
        sides.desirable += best
        sides.desirableCount += 1
      } else {
        sides.undesirable += best
      }
    }
    guard sides.isFinite else { throw overflow(name, values) }
    return sides
  }

  fileprivate func addAccuracy(of rewards: UnsafePointer<Double>, to right: inout Double, _ rankings: inout Int) {
    for prompt in 0..<prompts {
      let count = responseCount(ofPrompt: prompt)
      guard count > 1 else { continue }
      var pairs = 0
      for better in 0..<count - 1 {
        for worse in better + 1..<count
        where rewards[row(better, ofPrompt: prompt)] > rewards[row(worse, ofPrompt: prompt)] { pairs += 1 }
      }
      right += Double(pairs) / Double(count * (count - 1) / 2)
      rankings += 1
    }
  }

  /// The failure of numbers whose sum is beyond the range of a double.
  fileprivate func overflow(_ name: StaticString, _ values: UnsafePointer<Double>) -> Failure {
    var largest = (prompt: 0, value: 0.0)
    for prompt in 0..<prompts {
      for rank in 0..<(values == loss ? 1 : responseCount(ofPrompt: prompt)) {
        let value = values[values == loss ? prompt : row(rank, ofPrompt: prompt)]
        if value.magnitude > largest.value.magnitude { largest = (prompt, value) }
      }
    }
    return Failure(
      "the sum of the \(name) is beyond the range of a double, so that they have no mean; the largest is "
        + "\(roundTripDecimal(largest.value)), of prompt \(largest.prompt + 1); look at its columns",
      prompt: largest.prompt)
  }
}

extension PreferenceMetrics.Sums {
  /// Adds an evaluated batch. Throws like `add(_:)`.
  public mutating func add(_ batch: Batch, _ evaluation: Evaluation) throws {
    try evaluation.loss.withUnsafeBufferPointer { loss in
      guard let loss = loss.start else { return }
      try evaluation.reward.withUnsafeBufferPointer { reward in
        try (batch.columns[Column.logProbability.name] ?? []).withUnsafeBufferPointer { logProbability in
          try (batch.columns[Column.label.name] ?? []).withUnsafeBufferPointer { label in
            try batch.withShape { shape in
              try add(
                PreferenceMetrics.Source(
                  prompts: shape.prompts, responses: shape.responses, counts: shape.counts, starts: shape.starts,
                  loss: loss, reward: reward.start, logProbability: logProbability.start, label: label.start))
            }
          }
        }
      }
    }
  }
}

extension Objective {
  /// The metrics of a batch: means over its prompts.
  ///
  /// `rewards/…` are β·r, as the field reports them; `implicit_rewards/…` the unscaled r. Chosen is a prompt's best
  /// response, rejected the mean of the others; `rewards/accuracies` is the share of pairs of responses whose better
  /// one has the strictly larger reward. For unpaired feedback, chosen are the desirable responses, rejected the
  /// undesirable ones. Throws for a metric that is not finite.
  public func metrics(_ batch: Batch, _ evaluation: Evaluation) throws -> PreferenceMetrics {
    var sums = PreferenceMetrics.Sums()
    try sums.add(batch, evaluation)
    return try sums.metrics(rewardScale: rewardScale)
  }
}

extension UnsafeBufferPointer {
  /// The address of the first element; nil if there is none.
  fileprivate var start: UnsafePointer<Element>? { isEmpty ? nil : baseAddress }
}
