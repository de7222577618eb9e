/// What came of a comparison.
public struct ComparisonResult: Sendable {
  /// A finished run.
  public struct Run: Sendable {
    /// The label in tables and pictures.
    public var label: String
    /// The resolved objective, and its hash.
    public var objective, hash: String
    /// The highest learning rate.
    public var learningRate: Double
    /// How long it took, evaluations included.
    public var seconds: Double
    /// The path of its directory.
    public var directory: String
    /// The lines of its metrics.
    public var records: [MetricsRecord]
    /// What its objective does by itself.
    public var dynamics = Dynamics.refused("")

    /// A picture of the loss by itself, or why there is none.
    public enum Dynamics: Sendable {
      /// The picture.
      case drawn(DynamicsPicture)
      /// Why there is none.
      case refused(String)
    }
    /// Whether the objective's gradients are differences, not exact.
    public var hasNumericGradient = false

    /// The label, with what is to be known of the results beside it.
    var title: String { hasNumericGradient ? "\(label) [numeric gradient]" : label }

    /// A metric of the held-out data at the end.
    public func final(_ name: String) -> Double? {
      records.last { $0.isEvaluation }?[MetricsRecord.evaluationPrefix + name]
    }

    /// A metric of the held-out data over the steps.
    func course(of name: String) -> [LineChart.Point] {
      records.compactMap { record in
        record[MetricsRecord.evaluationPrefix + name].map { LineChart.Point(step: record.step, value: $0) }
      }
    }
  }

  /// The runs, in the order in which they were asked for.
  public let runs: [Run]
  /// How many seconds the supervised start took; nil without one.
  public let startSeconds: Double?
  /// The accuracy of preferring the longer of two held-out responses, to compare accuracies with; nil where there is no pair.
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
    /// The metric of the held-out data.
    var metric: String
    var decimals: Int
  }

  /// The columns of which any run has a value.
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

  /// The header and the rows of the table, numbers as text.
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

  /// The table of the held-out data at the end of the runs, for a terminal.
  public var text: String {
    let table = table
    return TextTable(header: table.header, rows: table.rows).text
  }
}
