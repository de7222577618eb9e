import Testing

/// The compiler's message for a plugin that branches on a formula.
@Suite struct ConditionMessageTests {
  private static func plugin(_ body: String) -> String {
    """
    import LossKit

    struct Branching: PairwiseLoss {
      static let name = "branching"
      func loss(_ pair: Pair) -> Formula {
        let (a, b) = (pair.chosen.reward, pair.rejected.reward)
        \(body)
      }
    }

    @c(losskit_plugin_entry_v1)
    public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
      Plugin.export(Branching.self, error: error)
    }
    """
  }

  @Test func aSelectionByAComparisonCompiles() throws {
    let place = try Workplace()
    try SwiftPlugin.compile(
      Self.plugin("return select(a > b, a, select(a <= 2, b, 0))"), to: place.path("libbranching.so"))
  }

  @Test(arguments: [
    ("return a > b ? a : b", "write select(a > b, x, y)"),
    ("if a <= 0 { return b }\n    return a", "write select(a <= b, x, y)"),
  ])
  func aBranchOnAComparisonSaysWhatToWrite(body: String, expected: String) throws {
    let place = try Workplace()
    let outcome = try SwiftPlugin.build(Self.plugin(body), to: place.path("libbranching.so"))
    #expect(
      outcome.status != 0 && "\(outcome.output)\(outcome.error)".contains(expected), "\(outcome.output)\(outcome.error)"
    )
  }
}
