import LossKitJSON
import LossKitRuntime

/// One line of `metrics.jsonl`: the metrics of a step, in the order in which they are shown.
public struct MetricsRecord: Sendable, Equatable {
  /// The updates made so far.
  public var step: Int
  /// The passes over the data made so far.
  public var epoch: Double
  /// The metrics by name: TRL's, with `eval_` before those of held-out data.
  public var metrics: [Metric]

  /// A metric and its value.
  public struct Metric: Sendable, Equatable {
    /// The name, such as `rewards/margins`.
    public var name: String
    /// The value; not a number where there is none.
    public var value: Double

    /// A metric of a value.
    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// The metrics of a step.
  public init(step: Int, epoch: Double, metrics: [Metric]) {
    self.step = step
    self.epoch = epoch
    self.metrics = metrics
  }

  /// A metric's value, or nil.
  public subscript(name: String) -> Double? {
    metrics.first { $0.name == name }?.value
  }

  /// How the names of metrics of held-out data begin.
  public static let evaluationPrefix = "eval_"

  /// Whether the metrics are those of held-out data.
  var isEvaluation: Bool { metrics.contains { $0.name.hasPrefix(Self.evaluationPrefix) } }

  /// The record as a line of JSON.
  var line: String {
    let values = metrics.map { ($0.name, JSONValue.number($0.value)) }
    return JSONValue.object([("step", .number(step)), ("epoch", .number(epoch))] + values).compact
  }
}

/// A mean of metrics over batches, each weighed by its prompts; a metric that a batch lacks is a mean over the others.
struct MetricsAverage: Equatable {
  /// A metric's sum, and the weight of what was added to it.
  struct Sum: Equatable {
    var name: String
    var sum, weight: Double
  }

  var sums: [Sum] = []

  mutating func add(_ metrics: [MetricsRecord.Metric], weight: Double) {
    for metric in metrics {
      let place = sums.firstIndex { $0.name == metric.name } ?? sums.count
      if place == sums.count { sums.append(Sum(name: metric.name, sum: 0, weight: 0)) }
      sums[place].sum += metric.value * weight
      sums[place].weight += weight
    }
  }

  var means: [MetricsRecord.Metric] {
    sums.map { MetricsRecord.Metric($0.name, $0.sum / $0.weight) }
  }
}
