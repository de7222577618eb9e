import LossKitJSON
import LossKitRuntime
import Testing

@testable import LossKitTraining

@Suite struct AxisTests {
  @Test func ticksAreRound() {
    let axis = Axis(holding: [-0.31, 1.42])
    #expect(axis.ticks.map(axis.text) == ["−0.5", "0.0", "0.5", "1.0", "1.5"])
    #expect(axis.position(of: -0.5) == 0)
    #expect(axis.position(of: 1.5) == 1)
  }

  @Test func aTightAxisEndsAtTheValues() {
    let axis = Axis(holding: [0, 93], ticks: 6, tight: true)
    #expect(axis.ticks == [0, 20, 40, 60, 80])
    #expect(axis.upper == 93)
  }

  @Test(arguments: [[], [3.0], [0, 0], [.nan, .infinity], [1e300, 1e300], [1e-300, 2e-300], [-1e308, 1e308]])
  func oddValuesGiveAnAxis(values: [Double]) {
    let axis = Axis(holding: values)
    #expect(!axis.ticks.isEmpty)
    #expect(axis.ticks.count < 20)
    #expect(axis.lower <= axis.upper)
  }

  @Test func labelsAreMovedApart() {
    let places = LineChart.Frame.spread([50, 52, 51, 10, 99], apart: 15, between: 0...100)
    let sorted = places.sorted()
    for (a, b) in zip(sorted, sorted.dropFirst()) { #expect(b - a >= 15 - 1e-9) }
    #expect(places[3] == 10)
    #expect(places[0] < places[2] && places[2] < places[1])
    #expect((sorted.last ?? 0) <= 100)
  }

  @Test func numbersAsText() {
    #expect(fixed(1.005, 1) == "1.0")
    #expect(fixed(-0.04, 1) == "0.0")
    #expect(fixed(-12.35, 0) == "-12")
    #expect(fixed(.nan, 2) == "–")
    #expect(significant(0.012345) == "0.01235" || significant(0.012345) == "0.01234")
    #expect(significant(-123.456) == "-123.5")
    #expect(significant(1.5e9) == "1.50e9")
    #expect(duration(59.6) == "1 min 0 s")
    #expect(duration(3_700) == "1 h 1 min")
  }

  @Test func jsonIsWrittenSoThatItReadsBack() throws {
    let text = JSONValue.object([
      ("a", .number(0.1)), ("b", .number(.nan)), ("c", .array([.number(3), .bool(true), .null])),
      ("d\"\n\u{1}", .string("é\\\t")),
    ]).compact
    #expect(text == #"{"a": 0.1, "b": null, "c": [3, true, null], "d\"\n\u0001": "é\\\t"}"#)
    let value = try JSONLines.lines(in: Array(text.utf8), name: "test")[0].value
    #expect(
      value
        == .object([
          "a": .number(0.1), "b": .null, "c": .array([.number(3), .bool(true), .null]), "d\"\n\u{1}": .string("é\\\t"),
        ]))
  }
}
