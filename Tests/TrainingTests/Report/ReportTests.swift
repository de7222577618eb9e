import LossKit
import Testing

@testable import LossKitTraining

@Suite struct ReportTests {
  /// A result with known curves.
  static func result(labels: [String] = ["dpo", "cal-dpo"]) -> ComparisonResult {
    let runs = labels.enumerated().map { number, label in
      ComparisonResult.Run(
        label: label, objective: "\(label)(beta=0.1) @ log-ratio", hash: String(repeating: "\(number)a", count: 32),
        learningRate: 1e-3, seconds: 12.25, directory: "out/\(number)",
        records: stride(from: 0, through: 100, by: 10).map { step in
          let time = Double(step) / 100
          let chosen = (number == 0 ? -6 : 4) * time
          let rejected = -12 * time - Double(number)
          return MetricsRecord(
            step: step, epoch: time,
            metrics: [
              .init("eval_loss", 0.69 - 0.3 * time), .init("eval_rewards/chosen", 0.1 * chosen),
              .init("eval_rewards/rejected", 0.1 * rejected), .init("eval_rewards/margins", 0.1 * (chosen - rejected)),
              .init("eval_rewards/accuracies", 0.5 + 0.35 * time), .init("eval_implicit_rewards/chosen", chosen),
              .init("eval_implicit_rewards/rejected", rejected), .init("eval_logps/chosen", -80 + chosen),
              .init("eval_logps/rejected", -82 + rejected),
            ])
        })
    }
    return ComparisonResult(
      runs: runs, start: 8, trainingData: toyPairs(20), evaluationData: toyPairs(10), policy: "toy", steps: [100])
  }

  @Test func thePageHoldsEveryRun() {
    let page = Self.result().report
    for run in Self.result().runs {
      #expect(page.contains(run.objective))
      #expect(page.contains(run.hash))
      #expect(page.components(of: "\(run.label) chosen") > 3)
    }
    for title in ["Implicit rewards", "Scaled rewards", "Margins", "Accuracy", "Log-probabilities"] {
      #expect(page.contains("<strong>\(title)</strong>"))
    }
    #expect(page.contains("prefers-color-scheme: dark"))
  }

  @Test func thePageNeedsNothingElse() {
    let page = Self.result().report
    for sign in ["<script", "src=", "href=", "url(", "@import"] { #expect(!page.contains(sign), "\(sign)") }
  }

  @Test func tagsAreBalanced() throws {
    let odd = Self.result(labels: ["<b>&\"'", "{-log(x)} \u{1}"])
    for text in [Self.result().report, odd.report, Self.result().rewardsPicture, odd.rewardsPicture] {
      try expectBalanced(text)
    }
    #expect(!odd.report.contains("<b>"))
    #expect(odd.report.contains("&lt;b&gt;&amp;&quot;&#39;"))
  }

  @Test func aRunWithoutEvaluationsHasNoPictures() throws {
    var runs = Self.result().runs
    for index in runs.indices { runs[index].records = [] }
    let empty = ComparisonResult(
      runs: runs, start: nil, trainingData: toyPairs(2), evaluationData: toyPairs(2), policy: "toy", steps: [1])
    try expectBalanced(empty.report)
    #expect(!empty.report.contains("<figure"))
  }

  @Test func theTableIsAligned() {
    let lines = Self.result().text.split(separator: "\n").map(String.init)
    #expect(lines.count == 5)
    #expect(lines[0].hasPrefix("held out"))
    #expect(Set(lines.map(\.count)).count == 1)
    #expect(lines[2].contains("-6.000"))
    #expect(lines[3].hasSuffix("12.2") || lines[3].hasSuffix("12.3"))
    #expect(lines[4].hasPrefix("longer response"))
  }

  /// Elements are properly nested and closed, and attributes are quoted.
  private func expectBalanced(_ text: String) throws {
    var open: [String] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      let end = try #require(rest[start...].firstIndex(of: ">"))
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("!") { continue }
      #expect(tag.count { $0 == "\"" } % 2 == 0, "\(tag)")
      if tag.hasPrefix("/") {
        #expect(open.popLast() == String(tag.dropFirst()))
      } else if !tag.hasSuffix("/") {
        open.append(String(tag.prefix { $0 != " " }))
      }
    }
    #expect(open.isEmpty)
  }
}

extension String {
  /// The number of occurrences of a text.
  fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
