import LossKit
import Testing

@testable import LossKitRuntime

/// What the built components say of themselves. Whether it is true is what `losskit check` tests.
@Suite struct FlagLawTests {
  @Test func theBuiltLossesAndRewardsAreFound() {
    #expect(Tested.losses.count >= 60)
    #expect(Tested.rewards.count >= 13)
  }

  @Test func theBuiltOnesSayWhatTheirFormulasSay() throws {
    let registry = try BuiltPlugins.registry()
    func losses(_ flag: (LoadedComponent) -> Bool) throws -> [String] {
      try ["aot", "bco", "cal-dpo", "dpo", "hinge", "ipo", "sft"].filter {
        flag(try registry.component(named: $0, kind: .loss))
      }
    }
    #expect(try losses(\.isRowwise) == ["cal-dpo", "dpo", "hinge", "ipo"])
    #expect(try losses(\.isShiftInvariant) == ["aot", "dpo", "hinge", "ipo", "sft"])
    let rewards = try ["log-probability", "log-ratio", "mean-log-probability", "mean-log-ratio"].filter {
      try registry.component(named: $0, kind: .reward).isZeroAtReference
    }
    #expect(rewards == ["log-ratio", "mean-log-ratio"])
  }
}
