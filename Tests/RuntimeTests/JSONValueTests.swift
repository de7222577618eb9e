import LossKitJSON
import Testing

@Suite struct JSONValueTests {
  private func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: text.utf8) }

  private func complaint(_ text: String) -> String {
    do {
      _ = try value(text)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func escapes() throws {
    guard case .object(let object) = try value(#"{"a": "\u00e9\ud83d\ude00\n\"\/\u0000", "b": [-1.5e3, null, true]}"#)
    else {
      Issue.record("no object")
      return
    }
    #expect(object["a"] == .string("é😀\n\"/\0") && object.keys == ["a", "b"])
    #expect(object["b"] == .array([.number(-1500), .null, .bool(true)]))
  }

  @Test(arguments: [
    "0", "-0", "0.1", "-0.0", "1e22", "1e23", "123456789012345e-22", "9007199254740993", "0.30000000000000004",
    "2.2250738585072011e-308", "5e-324", "1e-400", "1.7976931348623157e308", "-12.345678901234567",
    "8.988465674311579538e307", "0.000000000000000000000000000001", "1E+2", "100000000000000000000000000000e-29",
    "9007199254740991", "999999999999999e22", "1e-22", "3.1415926535897932384626433832795",
  ])
  func numbersAreTheNearestDouble(_ text: String) throws {
    guard let number = try value(text).double else {
      Issue.record("\(text) is not read as a number")
      return
    }
    #expect(number.bitPattern == Double(text)?.bitPattern)
  }

  @Test(arguments: [
    "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "1_0", "--1", "-01", "1.2.3", "NaN", "-Infinity", "٣", "1e5.0",
  ])
  func whatIsNoNumberIsRefused(_ text: String) {
    #expect(complaint(text).hasPrefix("line 1, column 1: not JSON: expected a value, found '\(text)'"))
  }

  @Test func numbersKeepTheirText() throws {
    let text = "[1.50, -0, 9007199254740993, 3.0, 1e2, 12345678901234567890, 0.5]"
    let read = try value(text)
    #expect(read.compact == text)
    #expect(read.array?.map(\.integer) == [nil, 0, 9_007_199_254_740_993, 3, 100, nil, nil])
    #expect(read.array?.first == .number(1.5) && JSONValue.number(.infinity) == .null)
  }

  @Test func aNumberBeyondTheRangeIsRefused() {
    #expect(complaint("[1, -1e309]") == "line 1, column 5: -1e309 is beyond the range of a double")
  }

  @Test(arguments: [
    (#"{"a": 1, "a": 1}"#, "line 1, column 10: the key 'a' appears twice; remove one of them"),
    ("{\"a\": 1,\n \"\\u0061\": 1}", "line 2, column 2: the key 'a' appears twice; remove one of them"),
    (#"["\ud83d"]"#, "line 1, column 3: '\\ud83d' is half a character; write the \\u escapes of both halves"),
    (#"["\ude00\ud83d"]"#, "line 1, column 3: '\\ude00' is half a character"),
    (#"["\ud83d\u0041"]"#, "line 1, column 3: '\\ud83d' is half a character"),
    (#"["\u00g0"]"#, "line 1, column 3: not JSON: '\\u' needs four hexadecimal digits"),
    (#"["\x"]"#, "line 1, column 4: not JSON: '\\x' is not an escape"),
    ("[\"a\nb\"]", "line 1, column 4: not JSON: a control character"),
    ("[1,]", "line 1, column 4: not JSON: expected a value, found ']'"),
    ("[1 2]", "line 1, column 4: not JSON: expected ',' or ']', found '2'"),
    ("{\"é\" 1}", "line 1, column 6: not JSON: expected ':' behind 'é', found '1'"),
    ("", "line 1, column 1: not JSON: expected a value, found the end"),
    ("\u{FEFF}1", "line 1, column 1: not JSON: expected a value, found U+FEFF"),
    ("// a\n1", "line 1, column 1: not JSON: expected a value, found '//'"),
    ("nul", "line 1, column 1: not JSON: expected a value, found 'nul'"),
    ("\"abc", "line 1, column 1: not JSON: this text is never closed"),
  ])
  func whatIsWrongIsSaidWithItsPlace(text: String, message: String) {
    #expect(complaint(text).hasPrefix(message), "\(complaint(text))")
  }

  @Test func keysThatUnicodeSeesAsOneAreTwo() throws {
    guard case .object(let object) = try value("{\"\u{E9}\": 1, \"e\u{301}\": 2}") else {
      Issue.record("no object")
      return
    }
    #expect(object["\u{E9}"] == .number(1) && object["e\u{301}"] == .number(2))
  }

  @Test func ofManyKeysATwinIsFound() {
    let keys = (0..<1000).map { "\"k\($0)\": \($0)" }
    #expect(complaint("{\(keys.joined(separator: ", "))}") == "")
    #expect(
      complaint("{\((keys + ["\"k777\": 0"]).joined(separator: ",\n"))}").hasPrefix(
        "line 1001, column 1: the key 'k777'"))
    #expect(
      complaint("{\((keys + ["\"k3\": 0"]).joined(separator: ",\n"))}").hasPrefix("line 1001, column 1: the key 'k3'"))
  }

  @Test func nestingHasALimit() throws {
    func nested(_ count: Int) -> String {
      String(repeating: "[", count: count) + String(repeating: "]", count: count)
    }
    _ = try value(nested(128))
    #expect(complaint(nested(129)) == "line 1, column 129: nested deeper than 128 levels")
    #expect(complaint(String(repeating: "{\"a\":", count: 1_000_000)).hasSuffix("nested deeper than 128 levels"))
  }

  @Test func membersKnowTheirLines() throws {
    guard case .object(let object) = try value("\n{\"a\":\n1,\n\"b\": {}}"), case .object(let inner)? = object["b"]
    else {
      Issue.record("no object")
      return
    }
    #expect(object.line == 2 && object.members.map(\.line) == [2, 4] && inner.line == 4)
  }
}
