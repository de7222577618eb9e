import LossKit
import Testing

@testable import LossKitRuntime

@Suite struct ParameterDescriptionTests {
  func parameter(
    _ kind: ParameterDescription.Kind, _ bounds: Bounds = .any, choices: [String] = []
  ) -> ParameterDescription {
    ParameterDescription(
      name: "x", symbol: "x", summary: "", kind: kind, initial: 0, bounds: bounds, choices: choices,
      isRewardScale: false)
  }

  @Test(arguments: ["0.1", "1e-3", "-5", "123456.789", "0", "1e+300"])
  func numbersAreReadAndWritten(text: String) throws {
    let real = parameter(.real)
    let value = try real.parse(text)
    #expect(value == Double(text))
    #expect(try real.parse(real.format(value)) == value)
  }

  @Test func wholeNumbersAreWrittenWithoutPoint() {
    #expect(parameter(.real).format(5) == "5")
    #expect(parameter(.real).format(0.1) == "0.1")
  }

  @Test(arguments: ["nan", "inf", "-inf", "infinity", "0x10", "abc", "", "1,5", "true", "1e999", " 1"])
  func whatIsNoFiniteNumberIsRefused(text: String) {
    #expect(message { try parameter(.real).parse(text) }.hasSuffix(" for x; expected a finite number"))
  }

  @Test func boundsAreSaid() {
    #expect(
      message { try parameter(.real, .positive).parse("0") }
        == "invalid value 0 for x; expected a number greater than 0")
    #expect(
      message { try parameter(.real, .nonNegative).parse("-1") }
        == "invalid value -1 for x; expected a number that is 0 or greater")
    #expect(
      message { try parameter(.real, .closed(0, 0.5)).parse("0.6") }
        == "invalid value 0.6 for x; expected a number from 0 to 0.5")
    #expect(
      message { try parameter(.real, .halfOpen(0, 1)).parse("1") }
        == "invalid value 1 for x; expected a number at least 0 and less than 1")
    #expect(
      message { try parameter(.real, .open(0, 1)).parse("1") }
        == "invalid value 1 for x; expected a number between 0 and 1, both excluded")
    #expect(
      message { try parameter(.integer, .closed(1, 8)).parse("9") }
        == "invalid value 9 for x; expected a whole number from 1 to 8")
    #expect(message { try parameter(.integer).parse("1.5") } == "invalid value 1.5 for x; expected a whole number")
  }

  @Test func booleansAndChoices() throws {
    let flag = parameter(.boolean, .closed(0, 1))
    #expect(try flag.parse("true") == 1)
    #expect(flag.format(0) == "false")
    #expect(message { try flag.parse("yes") } == "invalid value 'yes' for x; expected true or false")
    let choice = parameter(.choice, .closed(0, 1), choices: ["sequence", "token"])
    #expect(try choice.parse("token") == 1)
    #expect(choice.format(1) == "token")
    #expect(message { try choice.parse("tokens") } == "x: unknown choice 'tokens'; did you mean 'token'?")
    #expect(message { try choice.parse("zz") } == "x: unknown choice 'zz'; there are: sequence, token")
  }
}
