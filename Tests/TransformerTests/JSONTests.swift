import LossKit
import Testing

@testable import Transformer

/// The reader of untrusted JSON.
struct JSONTests {
  private func parse(_ text: String) throws -> JSON {
    try Array(text.utf8).withUnsafeBytes { try JSON(parsing: $0, place: "test") }
  }

  @Test func valuesAreRead() throws {
    let json = try parse(#" {"a": [1, -2.5e3, true, null], "b": {"c": "x\n\u00e9\ud83d\ude00\"/\/"}} "#)
    #expect(json["a"] == .array([.number("1"), .number("-2.5e3"), .boolean(true), .null]))
    #expect(json["b"]?["c"]?.text == "x\né😀\"//")
    #expect(try parse("1e3").integer == 1000 && parse("1.5").integer == nil && parse("1e999").real == nil)
    #expect(try parse("{}") == .object([]) && parse("[]") == .array([]))
  }

  @Test func writingWhatWasReadGivesTheSameText() throws {
    let text = #"{"a":[1,-2.5e3,true,null],"b":{"c":"x\u000aé\"\\"}}"#
    #expect(try parse(text).compact == text)
  }

  @Test(arguments: [
    "", " ", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "\"", "\"\\", "\"\\x\"", "\"\\u12\"",
    "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\n\"", "01", "-", "1.", "1e", ".5", "+1", "tru", "nul", "NaN", "1 2",
    "{\"a\":1,\"a\":2}", "[1}", "'a'",
  ])
  func whatIsNotJSONIsAnError(text: String) { #expect(throws: Failure.self) { try parse(text) } }

  @Test func bytesThatAreNotUTF8AndDeepNestingAreErrors() {
    #expect(throws: Failure.self) {
      try [UInt8]([0x22, 0xFF, 0x22]).withUnsafeBytes { try JSON(parsing: $0, place: "test") }
    }
    #expect(throws: Failure.self) { try parse(String(repeating: "[", count: 100_000)) }
  }
}
