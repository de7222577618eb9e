import Testing

/// Invalid objectives and settings: status 64, or 69 for unknown names, before the input is read.
@Suite struct ObjectiveErrorsTests {
  private func complaint(
    _ arguments: String..., status: Int32 = 64, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let run = try Tool.run(["evaluate", "--input", "/nowhere", "--loss"] + arguments)
    #expect(run.status == status && run.output == "", sourceLocation: sourceLocation)
    let prefix = "losskit: error: "
    #expect(run.error.hasPrefix(prefix), "\(run.error)", sourceLocation: sourceLocation)
    return String(run.error.dropFirst(prefix.count))
  }

  @Test func anObjectiveThatDoesNotParse() throws {
    #expect(
      try complaint("dpo(beta=0.1) + * ipo") == """
        objective, column 17: expected a loss or a weight, found '*'
          dpo(beta=0.1) + * ipo
                          ^

        """)
  }

  @Test func anUnknownLoss() throws {
    #expect(try complaint("cal-dop", status: 69) == "unknown loss 'cal-dop'; did you mean 'cal-dpo' or 'cal-ipo'?\n")
  }

  @Test func anUnknownReward() throws {
    #expect(
      try complaint("dpo @ log-ration", status: 69).hasPrefix("unknown reward 'log-ration'; did you mean 'log-ratio'"))
    #expect(try complaint("dpo", "--reward", "log-ration", status: 69).hasPrefix("unknown reward"))
  }

  @Test func anUnknownHyperparameter() throws {
    #expect(try complaint("dpo(bta=0.1)").contains("unknown hyperparameter of dpo 'bta'; did you mean 'beta'?"))
    #expect(
      try complaint("dpo", "--set", "bta=0.1")
        == "setting 'bta=0.1': unknown hyperparameter 'bta'; did you mean 'beta'?\n")
  }

  @Test func aValueOutOfBounds() throws {
    #expect(
      try complaint("dpo", "--set", "beta=0")
        == "setting 'beta=0': invalid value 0 for beta; expected a number greater than 0\n")
    #expect(try complaint("dpo(beta=-1)").contains("invalid value -1 for beta; expected a number greater than 0"))
  }

  @Test func aValueThatIsNotANumber() throws {
    #expect(
      try complaint("dpo", "--set", "beta=nan").contains(
        "invalid value 'nan' for beta; expected a number greater than 0"))
    #expect(
      try complaint("dpo", "--set", "beta=much").contains(
        "invalid value 'much' for beta; expected a number greater than 0"))
  }

  @Test func aSettingThatDoesNotParse() throws {
    #expect(try complaint("dpo", "--set", "beta").hasPrefix("setting, column"))
  }

  @Test func aSettingThatTwoTermsTake() throws {
    #expect(try complaint("dpo + ipo", "--set", "beta=1").contains("write dpo.beta=1 or ipo.beta=1"))
  }

  @Test func absoluteRewardsWithoutAZero() throws {
    #expect(
      try complaint("cal-dpo @ log-probability").hasPrefix(
        "cal-dpo looks at absolute rewards, and 'log-probability' has no zero at the reference"))
  }

  @Test func optionsThatAreMissing() throws {
    let run = try Tool.run(["evaluate", "--loss", "dpo"])
    #expect(run.status == 64 && run.output == "" && run.error.contains("--input"))
  }

  @Test func anOutputThatCannotBeWritten() throws {
    let rows = #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"#
    let full = try Tool.run(["evaluate", "--loss", "dpo", "--input", "-", "--output", "/dev/full"], input: rows)
    #expect(full.status == 1 && full.output == "")
    #expect(
      full.error == "losskit: error: /dev/full: cannot be written: No space left on device; make room on the disk\n")
    let missing = try Tool.run(["evaluate", "--loss", "dpo", "--input", "-", "--output", "/nowhere/x"], input: rows)
    #expect(missing.status == 1 && missing.error.hasPrefix("losskit: error: /nowhere/x: cannot be written"))
  }
}
