import LossKitJSON
import LossKitRuntime

/// One line of `metrics.jsonl`: the metrics of a step, in display order.
public struct MetricsRecord: Sendable, Equatable {
  /// The number of updates made.
  public var step: Int
  /// The number of passes over the data made.
  public var epoch: Double
  /// The metrics, named as in TRL, with the prefix `eval_` for held-out data.
  public var metrics: [Metric]

  /// A metric and its value.
  public struct Metric: Sendable, Equatable {
    /// The name, such as `rewards/margins`.
    public var name: String
    /// The value; NaN if there is none.
    public var value: Double

    /// Creates a metric.
    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// Creates a record.
  public init(step: Int, epoch: Double, metrics: [Metric]) {
    self.step = step
    self.epoch = epoch
    self.metrics = metrics
  }

  /// The value of a metric, or nil.
  public subscript(name: String) -> Double? {
    metrics.first { $0.name == name }?.value
  }

  /// The prefix of metrics of held-out data.
  public static let evaluationPrefix = "eval_"

  /// Whether the metrics are for held-out data.
  var isEvaluation: Bool { metrics.contains { $0.name.hasPrefix(Self.evaluationPrefix) } }

  /// The record as a JSON line.
  var line: String {
    let values = metrics.map { ($0.name, JSONValue.number($0.value)) }
    return JSONValue.object([("step", .number(step)), ("epoch", .number(epoch))] + values).compact
  }
}

/// The mean of metrics over batches, weighted by their number of prompts. Batches without a metric do not count towards its mean.
struct MetricsAverage: Equatable {
  /// A metric's weighted sum, and the sum of the weights.
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
