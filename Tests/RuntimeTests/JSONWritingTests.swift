import LossKitJSON
import Testing

/// The writer of JSON.
@Suite struct JSONWritingTests {
  @Test(arguments: [
    ("", #""""#), ("plain é 😀", #""plain é 😀""#), ("a\"b\\c", #""a\"b\\c""#), ("\r\n\t", #""\r\n\t""#),
    ("\u{1}x\u{1f}", #""\u0001x\u001f""#), ("e\u{301}\"", "\"e\u{301}\\\"\""), ("\"", #""\"""#),
  ])
  func whatHasToBeEscapedIs(text: String, json: String) {
    #expect(Array(JSONValue.string(text).compact.utf8) == Array(json.utf8))
  }

  @Test func layouts() {
    let value = JSONValue.object([
      ("b", .array([.number(1), .number(0.5), .bool(true)])), ("a", .object([("x", .null)])), ("c", .array([])),
    ])
    #expect(value.dense == #"{"b":[1,0.5,true],"a":{"x":null},"c":[]}"#)
    #expect(value.compact == #"{"b": [1, 0.5, true], "a": {"x": null}, "c": []}"#)
    #expect(
      value.indented == """
        {
          "b": [
            1,
            0.5,
            true
          ],
          "a": {
            "x": null
          },
          "c": []
        }
        """)
  }
}
