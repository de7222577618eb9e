import Testing

@testable import LossKitRuntime

/// Strings as JSON has them.
@Suite struct JSONTextTests {
  @Test(arguments: [
    ("", #""""#), ("plain é 😀", #""plain é 😀""#), ("a\"b\\c", #""a\"b\\c""#), ("\r\n\t", #""\r\n\t""#),
    ("\u{1}x\u{1f}", #""\u0001x\u001f""#), ("e\u{301}\"", "\"e\u{301}\\\"\""), ("\"", #""\"""#),
  ])
  func whatHasToBeEscapedIs(text: String, json: String) {
    #expect(Array(JSONText.string(text).compact.utf8) == Array(json.utf8))
  }
}
