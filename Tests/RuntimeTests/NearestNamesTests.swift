import LossKitRuntime
import Testing

@Suite struct NearestNamesTests {
  let losses = ["aot", "bco", "cal-dpo", "dpo", "hinge", "ipo", "sft", "simpo"]

  @Test(arguments: [
    ("dpoo", "dpo"), ("dop", "dpo"), ("DPO", "dpo"), ("caldpo", "cal-dpo"), ("cal_dpo", "cal-dpo"), ("hing", "hinge"),
    ("hineg", "hinge"), ("sipmo", "simpo"),
  ])
  func theMeantNameComesFirst(typed: String, meant: String) {
    #expect(nearestNames(to: typed, in: losses).first == meant)
  }

  @Test func aBeginningIsNear() {
    #expect(nearestNames(to: "log", in: ["log-ratio", "log-probability", "mean"]) == ["log-probability", "log-ratio"])
  }

  @Test func atMostThreeAreNamed() {
    #expect(nearestNames(to: "abc", in: ["abd", "abe", "abf", "abg"]) == ["abd", "abe", "abf"])
  }

  @Test func nothingIsNearWhatIsFar() {
    #expect(nearestNames(to: "transformer", in: losses).isEmpty)
    #expect(nearestNames(to: "", in: losses).isEmpty)
    #expect(nearestNames(to: String(repeating: "x", count: 100_000), in: losses).isEmpty)
  }

  @Test func sentences() {
    #expect(unknownNameMessage("dpoo", kind: "loss", known: ["dpo"]) == "unknown loss 'dpoo'; did you mean 'dpo'?")
    #expect(
      unknownNameMessage("xpo", kind: "loss", known: ["ipo", "dpo", "kto"])
        == "unknown loss 'xpo'; did you mean 'dpo' or 'ipo'?")
    #expect(unknownNameMessage("zzzz", kind: "loss", known: ["b", "a"]) == "unknown loss 'zzzz'; there are: a, b")
    #expect(unknownNameMessage("zzzz", kind: "loss", known: []) == "unknown loss 'zzzz'; there is none")
  }
}
