import LossKit
import Testing

@testable import LossKitRuntime

@Suite struct SettingTests {
  let beta = ParameterDescription(
    name: "beta", symbol: "\\beta", summary: "", kind: .real, initial: 0.1, bounds: .positive, choices: [],
    isRewardScale: true)
  let per = ParameterDescription(
    name: "per", symbol: "per", summary: "", kind: .choice, initial: 0, bounds: .closed(0, 1),
    choices: ["sequence", "token"], isRewardScale: false)

  var targets: [SettingTarget] {
    [
      SettingTarget(name: "dpo", parameters: [beta]), SettingTarget(name: "sft", parameters: [per]),
      SettingTarget(name: "cal-dpo", parameters: [beta]),
    ]
  }

  func assign(_ texts: String...) throws -> [Setting.Assignment] {
    try Setting.assignments(texts.map { try Setting(parsing: $0) }, among: targets)
  }

  @Test func forms() throws {
    let plain = try Setting(parsing: "beta = 0.5")
    #expect(plain.component == nil && plain.key == "beta" && plain.value == .number(0.5))
    let qualified = try Setting(parsing: "cal-dpo.beta=1e-3")
    #expect(qualified.component == "cal-dpo" && qualified.description == "cal-dpo.beta=0.001")
    #expect(try Setting(parsing: "per=token").value == .word("token"))
  }

  @Test(arguments: [
    ("", 1, "expected the name of a hyperparameter, found the end"),
    ("beta", 5, "expected '=' behind 'beta', found the end"),
    ("beta=", 6, "expected a number"),
    ("beta=0.1 x", 10, "expected the end, found 'x'"),
    (".beta=1", 1, "expected the name of a component, found '.'"),
    ("dpo.=1", 5, "expected the name of a hyperparameter, found '='"),
    ("DPO.beta=1", 1, "'DPO' is not a name"),
    ("beta=0.1.2", 6, "'0.1.2' is not a number"),
  ])
  func mistakesAreShownWithTheirColumn(text: String, column: Int, problem: String) {
    #expect(message { try Setting(parsing: text) }.hasPrefix("setting, column \(column): \(problem)"))
  }

  @Test func theOnlyOneThatFitsIsFound() throws {
    #expect(try assign("per=token") == [.init(target: 1, parameter: 0, value: 1)])
    #expect(
      try assign("dpo.beta=2", "cal-dpo.beta=3") == [
        .init(target: 0, parameter: 0, value: 2), .init(target: 2, parameter: 0, value: 3),
      ])
  }

  @Test func whatSeveralHaveMustBeQualified() {
    #expect(
      message { try assign("beta=1") }
        == "setting 'beta=1': cal-dpo and dpo have it; write cal-dpo.beta=1 or dpo.beta=1")
    let twins = [SettingTarget(name: "dpo", parameters: [beta]), SettingTarget(name: "dpo", parameters: [beta])]
    #expect(
      message { try Setting.assignments([Setting(parsing: "dpo.beta=1")], among: twins) }
        .contains("give the value in the objective itself"))
  }

  @Test func unknownNamesBringTheNearest() {
    #expect(message { try assign("bta=1") } == "setting 'bta=1': unknown hyperparameter 'bta'; did you mean 'beta'?")
    #expect(
      message { try assign("dpoo.beta=1") } == "setting 'dpoo.beta=1': unknown component 'dpoo'; did you mean 'dpo'?")
    #expect(message { try assign("dpo.per=token") }.contains("unknown hyperparameter 'per'; there are: beta"))
  }

  @Test func valuesAreChecked() {
    #expect(
      message { try assign("dpo.beta=-1") }
        == "setting 'dpo.beta=-1': invalid value -1 for beta; expected a number greater than 0")
    #expect(
      message { try assign("dpo.beta=nan") }.contains("invalid value 'nan' for beta; expected a number greater than 0"))
    #expect(message { try assign("per=tokn") }.contains("unknown choice 'tokn'; did you mean 'token'?"))
    #expect(message { try assign("dpo.beta=1", "dpo.beta=2") }.contains("'beta' of dpo is set twice"))
  }
}
