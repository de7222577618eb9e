/// The result of a comparison.
public struct ComparisonResult: Sendable {
  /// A finished run.
  public struct Run: Sendable {
    /// The label in tables and charts.
    public var label: String
    /// The resolved objective and its hash.
    public var objective, hash: String
    /// The peak learning rate.
    public var learningRate: Double
    /// The duration in seconds, including evaluations.
    public var seconds: Double
    /// The path of the run's directory.
    public var directory: String
    /// The run's metrics.
    public var records: [MetricsRecord]
    /// The dynamics of its objective.
    public var dynamics = Dynamics.refused("")

    /// A picture of the loss's forces, or the reason why there is none.
    public enum Dynamics: Sendable {
      /// The picture.
      case drawn(DynamicsPicture)
      /// The reason why there is none.
      case refused(String)
    }
    /// Whether the objective's gradients are finite differences rather than exact.
    public var hasNumericGradient = false

    /// The label, with a remark on the gradient.
    var title: String { hasNumericGradient ? "\(label) [numeric gradient]" : label }

    /// The final value of a metric on the held-out data.
    public func final(_ name: String) -> Double? {
      records.last { $0.isEvaluation }?[MetricsRecord.evaluationPrefix + name]
    }

    /// A metric on the held-out data over the steps.
    func course(of name: String) -> [LineChart.Point] {
      records.compactMap { record in
        record[MetricsRecord.evaluationPrefix + name].map { LineChart.Point(step: record.step, value: $0) }
      }
    }
  }

  /// The runs, in the order of the entries.
  public let runs: [Run]
  /// The duration of the supervised start in seconds; nil without one.
  public let startSeconds: Double?
  /// The accuracy of preferring the longer of two held-out responses, as a baseline; nil if there are no pairs.
  public let longerResponseAccuracy: Double?
  let policy: String
  let dataText: String
  let steps: Int

  init(
    runs: [Run], start seconds: Double?, trainingData: PreferenceDataset, evaluationData: PreferenceDataset,
    policy: String,
    steps: [Int]
  ) {
    self.runs = runs
    startSeconds = seconds
    longerResponseAccuracy = evaluationData.longerResponseAccuracy
    self.policy = policy
    dataText =
      "\(trainingData.source): \(trainingData.report); held out: \(evaluationData.source): \(evaluationData.report)"
    self.steps = steps.max() ?? 0
  }

  /// A column of the table.
  struct Column {
    var title: String
    /// The metric on the held-out data.
    var metric: String
    var decimals: Int
  }

  /// The columns that have a value for at least one run.
  var columns: [Column] {
    [
      Column(title: "loss", metric: "loss", decimals: 4),
      Column(title: "rewards/chosen", metric: "rewards/chosen", decimals: 4),
      Column(title: "rewards/rejected", metric: "rewards/rejected", decimals: 4),
      Column(title: "margins", metric: "rewards/margins", decimals: 4),
      Column(title: "r chosen", metric: "implicit_rewards/chosen", decimals: 3),
      Column(title: "r rejected", metric: "implicit_rewards/rejected", decimals: 3),
      Column(title: "accuracy", metric: Self.accuracy, decimals: 3),
    ].filter { column in runs.contains { $0.final(column.metric) != nil } }
  }

  static let accuracy = "rewards/accuracies"

  /// The header and rows of the table, as text.
  var table: (header: [String], rows: [[String]]) {
    func row(_ label: String, _ value: (Column) -> Double?, _ seconds: Double?) -> [String] {
      let numbers = columns.map { column in value(column).map { fixed($0, column.decimals) } ?? "–" }
      return [label] + numbers + [seconds.map { fixed($0, 1) } ?? "–"]
    }
    var rows = runs.map { run in row(run.title, { run.final($0.metric) }, run.seconds) }
    if let longerResponseAccuracy {
      rows.append(row(Self.baseline, { $0.metric == Self.accuracy ? longerResponseAccuracy : nil }, nil))
    }
    return (["held out"] + columns.map(\.title) + ["seconds"], rows)
  }

  static let baseline = "longer response"

  /// The table of the final metrics on the held-out data, for a terminal.
  public var text: String {
    let table = table
    return TextTable(header: table.header, rows: table.rows).text
  }
}
