extension ComparisonResult {
  /// The comparison as a self-contained HTML page without scripts.
  public var report: String {
    let head = [
      element("meta", [("charset", "utf-8")]),
      element("meta", [("name", "viewport"), ("content", "width=device-width, initial-scale=1")]),
      element("meta", [("name", "color-scheme"), ("content", "light dark")]),
      element("title", [], escaped(heading)), element("style", [], "\n\(ChartStyle.sheet)\n\(Self.pageSheet)\n"),
    ]
    let body = element(
      "main", [],
      ([header, section("Held-out data at the end", resultTable)] + [legend, figures, dynamics] + [
        section("Runs", runsTable), note,
      ])
      .joined(separator: "\n"))
    return """
      <!DOCTYPE html>
      <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
      \(element("head", [], head.joined(separator: "\n")))
      \(element("body", [], "\n\(body)\n"))
      </html>

      """
  }

  private var heading: String {
    let labels = runs.map(\.label)
    guard let last = labels.last, labels.count > 1 else { return labels.joined() }
    return labels.dropLast().joined(separator: ", ") + " and " + last
  }

  private var header: String {
    let start = startSeconds.map { "one supervised start (\(duration($0)))" } ?? "one start"
    let facts =
      "\(counted(runs.count, "run")) from \(start), \(counted(steps, "step")) each, the data in the same order."
    return element(
      "header", [],
      element("h1", [], escaped(heading)) + element("p", [], escaped(facts))
        + element("p", [("class", "quiet")], escaped("Policy: \(policy). Data: \(dataText).")))
  }

  private var resultTable: String {
    let (header, rows) = table
    let head = element("tr", [], header.map { element("th", [("scope", "col")], escaped($0)) }.joined())
    let body = rows.map { row in
      let isBaseline = row.first == Self.baseline
      return element(
        "tr", isBaseline ? [("class", "quiet")] : [],
        element("th", [("scope", "row")], escaped(row.first ?? ""))
          + row.dropFirst().map { element("td", [], escaped($0.replacingMinus)) }.joined())
    }
    return element(
      "div", [("class", "wide")],
      element("table", [("class", "numbers")], element("thead", [], head) + element("tbody", [], body.joined())))
  }

  private var legend: String {
    let items = runs.enumerated().map { number, run in
      element(
        "li", [],
        element("span", [("class", "key k\(number % ChartStyle.colorCount)")], "") + escaped(run.label))
    }
    return element("ul", [("class", "legend")], items.joined())
  }

  private var figures: String {
    let figures = charts.map { chart in
      element(
        "figure", [],
        element(
          "figcaption", [],
          element("strong", [], escaped(chart.title)) + element("span", [("class", "quiet")], escaped(chart.caption)))
          + chart.svg)
    }
    return element("div", [("class", "figures")], figures.joined(separator: "\n"))
  }

  /// The dynamics of the losses; empty if no run has any.
  private var dynamics: String {
    let parts = runs.compactMap { run -> String? in
      switch run.dynamics {
      case .drawn(let picture):
        element(
          "figure", [],
          element(
            "figcaption", [],
            element("strong", [], escaped("\(run.label): the forces of the loss by itself"))
              + element("span", [], escaped(picture.readingAid))
              + element("span", [("class", "quiet")], escaped(picture.caption))) + picture.figure)
      case .refused(let reason):
        reason.isEmpty ? nil : element("p", [("class", "quiet")], escaped(reason))
      }
    }
    if parts.isEmpty { return "" }
    return section(
      "What the losses do by themselves",
      element("div", [("class", "figures dynamics")], parts.joined(separator: "\n")))
  }

  private var runsTable: String {
    let head = element(
      "tr", [], ["run", "objective", "hash", "learning rate"].map { element("th", [("scope", "col")], $0) }.joined())
    let rows = runs.map { run in
      element(
        "tr", [],
        element("th", [("scope", "row")], escaped(run.title))
          + element("td", [], element("code", [], escaped(run.objective)))
          + element("td", [], element("code", [("class", "hash")], escaped(run.hash)))
          + element("td", [], escaped("\(run.learningRate)")))
    }
    return element(
      "div", [("class", "wide")],
      element("table", [("class", "runs")], element("thead", [], head) + element("tbody", [], rows.joined())))
  }

  private var note: String {
    let text = """
      r is the implicit reward, unscaled: how much likelier the policy makes a response than its start does, in nats, where the \
      parameterization is the log-ratio. rewards/… are β·r, as the field reports them. Accuracy is the share of held-out pairs whose \
      chosen response has the larger reward; beside it stands that of preferring the longer response. Losses of different \
      objectives are on different scales. Two runs with one hash optimized the same thing.
      """
    return element("footer", [("class", "quiet")], element("p", [], escaped(text)))
  }

  private func section(_ title: String, _ content: String) -> String {
    element("section", [], element("h2", [], escaped(title)) + content)
  }

  private static var pageSheet: String {
    let keys = (0..<ChartStyle.colorCount).map { ".k\($0) { background: var(--c\($0)); }" }
    return """
      * { box-sizing: border-box; }
      body { margin: 0; background: var(--ground); color: var(--ink);
        font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
      main { max-width: 1180px; margin: 0 auto; padding: 40px 28px 64px; }
      h1 { font-size: 30px; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 8px; }
      h2 { font-size: 17px; margin: 36px 0 10px; }
      p { margin: 0 0 6px; max-width: 92ch; }
      .quiet { color: var(--quiet); }
      .wide { overflow-x: auto; }
      table { border-collapse: collapse; font-size: 14px; }
      th, td { padding: 7px 0 7px 24px; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
      th:first-child, td:first-child { padding-left: 0; text-align: left; }
      thead th { color: var(--quiet); font-weight: 500; font-size: 13px; border-bottom: 1px solid var(--zero); }
      tbody th { font-weight: 600; }
      tbody tr.quiet th { font-weight: 400; }
      .numbers { font-variant-numeric: tabular-nums; }
      .runs { width: 100%; }
      .runs th, .runs td { text-align: left; vertical-align: top; white-space: normal; }
      .runs td:last-child { white-space: nowrap; }
      code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
      .hash { color: var(--quiet); word-break: break-all; }
      .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 36px 0 12px; padding: 0; font-weight: 600; }
      .key { display: inline-block; width: 22px; height: 4px; border-radius: 2px; margin-right: 8px; vertical-align: 4px; }
      \(keys.joined(separator: "\n"))
      .figures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 20px; }
      figure { margin: 0; padding: 16px 16px 8px; background: var(--panel); border-radius: 10px; min-width: 0; }
      .figures:not(.dynamics) > figure:first-child { grid-column: 1 / -1; }
      figcaption { display: flex; flex-direction: column; margin-bottom: 8px; }
      figcaption strong { font-size: 16px; }
      figcaption span { font-size: 13px; }
      .chart { width: 100%; height: auto; display: block; }
      footer { margin-top: 28px; font-size: 13px; }
      @media (max-width: 820px) {
        .figures { grid-template-columns: minmax(0, 1fr); }
        figure { overflow-x: auto; }
        .figures:not(.dynamics) > figure:first-child .chart { min-width: 780px; }
        main { padding: 24px 16px; }
      }
      @media print { body { background: none; } figure { break-inside: avoid; } }
      """
  }
}
