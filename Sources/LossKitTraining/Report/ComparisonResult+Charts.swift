extension ComparisonResult {
  /// The charts of a report, the most important first.
  var charts: [LineChart] {
    var charts = [
      pair(
        "Implicit rewards", "r of the chosen (solid) and the rejected (dashed) responses, in nats above the start",
        "implicit_rewards/chosen", "implicit_rewards/rejected"),
      pair(
        "Scaled rewards", "rewards/chosen (solid) and rewards/rejected (dashed): β·r, each with its own β",
        "rewards/chosen", "rewards/rejected"),
      single("Margins", "rewards/margins: β·r of the chosen less that of the rejected response", "rewards/margins"),
      accuracyChart,
      pair(
        "Log-probabilities", "logps/chosen (solid) and logps/rejected (dashed), sums over the tokens, in nats",
        "logps/chosen", "logps/rejected", showsZero: false),
    ].filter { !$0.finiteLines.isEmpty }
    for index in charts.indices.dropFirst() { (charts[index].width, charts[index].height) = (560, 320) }
    return charts
  }

  /// The reward curves as a standalone drawing, light and dark; has no lines if no run has rewards.
  public var rewardsPicture: String {
    guard var chart = charts.first else { return element("svg", [("xmlns", "http://www.w3.org/2000/svg")]) }
    (chart.width, chart.height) = (860, 360)
    let head = 58.0
    let title = element(
      "text", [("class", "title"), ("x", "16"), ("y", "26")], escaped(chart.title + " on held-out data"))
    let caption = element("text", [("class", "caption"), ("x", "16"), ("y", "45")], escaped(chart.caption))
    let size = (coordinate(chart.width), coordinate(chart.height + head))
    let ground = element("rect", [("class", "ground"), ("width", size.0), ("height", size.1), ("rx", "8")])
    let drawing = element("g", [("transform", "translate(0 \(coordinate(head)))")], chart.content)
    return element(
      "svg",
      [
        ("xmlns", "http://www.w3.org/2000/svg"), ("viewBox", "0 0 \(size.0) \(size.1)"), ("width", size.0),
        ("height", size.1),
        ("class", "chart"), ("role", "img"), ("aria-label", chart.title),
      ], element("style", [], ChartStyle.sheet) + ground + title + caption + drawing) + "\n"
  }

  private func single(_ title: String, _ caption: String, _ metric: String) -> LineChart {
    LineChart(
      title: title, caption: caption,
      lines: runs.enumerated().map { number, run in
        LineChart.Line(
          label: run.label, color: number % ChartStyle.colorCount, dash: dash(ofRun: number),
          points: run.course(of: metric))
      })
  }

  private func pair(
    _ title: String, _ caption: String, _ chosen: String, _ rejected: String, showsZero: Bool = true
  ) -> LineChart {
    let lines = runs.enumerated().flatMap { number, run in
      [(chosen, "chosen", LineChart.Dash.solid), (rejected, "rejected", .dashed)].map { metric, side, dash in
        LineChart.Line(
          label: "\(run.label) \(side)", color: number % ChartStyle.colorCount, dash: dash,
          points: run.course(of: metric))
      }
    }
    return LineChart(title: title, caption: caption, lines: lines, showsZero: showsZero)
  }

  private var accuracyChart: LineChart {
    var chart = single(
      "Accuracy", "rewards/accuracies: share of held-out pairs whose chosen response has more reward",
      Self.accuracy)
    chart.showsZero = false
    // At the start all log-ratios are 0, and no reward is larger.
    for index in chart.lines.indices { chart.lines[index].points.removeAll { $0.step == 0 } }
    if let longerResponseAccuracy {
      chart.levels = [LineChart.Level(label: Self.baseline, value: longerResponseAccuracy)]
    }
    return chart
  }

  /// Runs in one chart differ in color and dash pattern.
  private func dash(ofRun number: Int) -> LineChart.Dash {
    LineChart.Dash(rawValue: number % LineChart.Dash.allCases.count) ?? .solid
  }
}
