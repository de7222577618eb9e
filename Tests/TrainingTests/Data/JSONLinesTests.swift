import Foundation
import LossKit
import LossKitJSON
import LossKitTraining
import Testing

@Suite("JSON Lines")
struct JSONLinesTests {
  private func values(_ text: String) throws -> [JSONValue] {
    try JSONLines.lines(in: Array(text.utf8), name: "x.jsonl").map(\.value)
  }

  private func complaint(about content: [UInt8]) -> String {
    do {
      _ = try JSONLines.lines(in: content, name: "x.jsonl")
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test("Every kind of value")
  func kinds() throws {
    let line = #"{"a": [1, -2.5e3, "é\u00e9\n", true, false, null], "b": {}}"#
    let elements: [JSONValue] = [.number(1), .number(-2500), .string("éé\n"), .bool(true), .bool(false), .null]
    #expect(try values(line) == [.object(["a": .array(elements), "b": .object([:])])])
  }

  @Test(
    "Numbers keep the precision of a double",
    arguments: [
      ("0.1", 0.1), ("-12.345678901234567", -12.345678901234567), ("5e-324", Double.leastNonzeroMagnitude),
      ("1.7976931348623157e308", 1.7976931348623157e308), ("9007199254740993", 9_007_199_254_740_992),
      ("123456789012345678901234567890", 123456789012345678901234567890.0), ("-0.0", -0.0),
    ])
  func numbers(text: String, expected: Double) throws {
    guard let number = try values(text).first?.double else {
      Issue.record("\(text) is not read as a number")
      return
    }
    #expect(number.bitPattern == expected.bitPattern)
  }

  @Test("Blank lines, a byte-order mark and CRLF are allowed, and lines keep their numbers")
  func lineEnds() throws {
    let lines = try JSONLines.lines(in: Array("\u{FEFF}1\r\n\r\n  \t\n2\n\n".utf8), name: "x.jsonl")
    #expect(lines.map(\.number) == [1, 4])
    #expect(lines.map(\.value) == [.number(1), .number(2)])
    #expect(try values("").isEmpty)
  }

  @Test(
    "What is not JSON is refused with file, line and text",
    arguments: [
      ("{'a': 1}", "not JSON: expected a key in quotation marks, found ''a'' (column 2)"),
      ("{\"é\": NaN}", "not JSON: expected a value, found 'NaN', which JSON does not have (column 7)"),
      ("Infinity", "not JSON: expected a value, found 'Infinity', which"), ("-Infinity", "not JSON: expected a value"),
      ("1e400", "1e400 is beyond the range of a double (column 1)"),
      ("{} {}", "not JSON: expected nothing more, found '{' (column 4)"),
      ("01", "not JSON: expected a value, found '01'"),
      ("\"\\ud800\"", "'\\ud800' is half a character"), ("hello", "not JSON: expected a value, found 'hello'"),
      ("{\"a\": 1,}", "not JSON: expected a key in quotation marks, found '}'"),
      ("{\"a\": 1, \"b\": 2, \"a\": 1}", "the key 'a' appears twice (column 18)"),
      ("\u{FEFF}{}", "not JSON: expected a value, found U+FEFF (column 1)"),
      ("{\"a\": [1, ]}", "not JSON: expected a value, found ']'"),
      (
        "9\(String(repeating: "0", count: 400))",
        "9\(String(repeating: "0", count: 39))… is beyond the range of a double"
      ),
    ])
  func notJSON(line: String, problem: String) {
    let message = complaint(about: Array("1\n\(line)\n".utf8))
    #expect(message.hasPrefix("x.jsonl, line 2: \(problem)"), "\(message)")
    #expect(message.contains("; write ") || message.hasSuffix("; remove one of them"))
  }

  @Test("A truncated object is reported as such")
  func cutOff() {
    let message = complaint(about: Array(#"{"prompt": "What"#.utf8))
    #expect(message.hasPrefix("x.jsonl, line 1: not JSON: this text is never closed (column 12)"))
  }

  @Test("A value nested too deeply is an error, not a crash")
  func depth() {
    let brackets = Array(repeating: UInt8(ascii: "["), count: 1_000_000)
    let message = complaint(about: Array("{\"a\": ".utf8) + brackets)
    #expect(message.hasPrefix("x.jsonl, line 1: nested deeper than 128 levels"))
  }

  @Test(
    "What is not UTF-8 is refused with the place of the character",
    arguments: [
      ([0x22, 0xFF, 0x22], 2), ([0x22, 0xC3, 0xA9, 0xE2, 0x82, 0x22], 3), ([0xFF, 0xFE, 0x7B, 0x00], 1),
      ([0x22, 0xED, 0xA0, 0x80, 0x22], 2), ([0x22, 0x41, 0xC0, 0x80, 0x22], 3), ([0x22, 0xE2, 0x82, 0x22], 2),
    ] as [([UInt8], Int)])
  func notUTF8(bytes: [UInt8], column: Int) {
    #expect(
      complaint(about: [0x31, 0x0A] + bytes).hasPrefix("x.jsonl, line 2: not UTF-8 (column \(column))"))
  }

  @Test("All invalid lines are reported at once, ten of them in full")
  func manyProblems() {
    let message = complaint(about: Array(String(repeating: "nope\n", count: 13).utf8))
    let lines = message.split(separator: "\n")
    #expect(lines.first == "x.jsonl: 13 lines cannot be used; fix or remove them:")
    #expect(lines.count == 12)
    #expect(lines.last == "  and 3 more")
  }

  @Test("An array holds the values, each with the line on which it begins")
  func array() throws {
    let lines = try JSONLines.lines(in: Array("\u{FEFF}\n [\n  {\"a\":\n 1},\n  {},\n {} ]\n".utf8), name: "x.json")
    #expect(lines.map(\.number) == [3, 5, 6])
    #expect(lines.map(\.value) == [.object(["a": .number(1)]), .object([:]), .object([:])])
    #expect(try JSONLines.lines(in: Array("[]".utf8), name: "x.json").isEmpty)
    let message = complaint(about: Array("[{},\n {},\n]".utf8))
    #expect(message.hasPrefix("x.jsonl, line 3: not JSON: expected a value, found ']' (column 1); write one list of"))
  }

  @Test("Content compressed with gzip, in one or several members, is read; truncated or damaged content is rejected")
  func gzip() throws {
    // printf '1\n2\n' | gzip -n
    let member: [UInt8] = [
      0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x33, 0xE4, 0x32, 0xE2, 0x02, 0x00, 0x61, 0x78, 0xE1,
      0x69, 0x04, 0x00, 0x00, 0x00,
    ]
    #expect(try JSONLines.lines(in: member, name: "x").map(\.value) == [.number(1), .number(2)])
    #expect(try JSONLines.lines(in: member + member, name: "x").count == 4)
    #expect(complaint(about: Array(member.dropLast(9))).contains("ends in the middle of its compressed content"))
    #expect(complaint(about: member + [1, 2, 3]).contains("x.jsonl: damaged"))
    var damaged = member
    damaged[17] ^= 1
    #expect(complaint(about: damaged).contains("x.jsonl: damaged"))
  }

  @Test("Lines and arrays that are longer than what is read at a time, compressed or not")
  func longFiles() throws {
    let elements = (0..<40_000).map { #"{"number": \#($0), "text": "äöü"}"# } + [String(repeating: "7", count: 300)]
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: directory) }
    let long = "[\(String(repeating: "8, ", count: 200_000))8]"
    let texts = [
      "lines": elements.joined(separator: "\r\n"), "array": "\n[\n" + elements.joined(separator: ",\n") + "\n]\n",
      "one": "\(long)", "long": "{\"list\": \(long)}\n1\n",
    ]
    for (name, text) in texts {
      let path = directory.appendingPathComponent(name).path
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      let gzip = try Process.run(URL(fileURLWithPath: "/usr/bin/env"), arguments: ["gzip", "-k", path])
      gzip.waitUntilExit()
      let lines = try JSONLines.read(path: path)
      #expect(lines.count == ["long": 2, "one": 200_001][name] ?? 40_001)
      #expect(lines == (try JSONLines.lines(in: Array(text.utf8), name: name)))
      #expect(lines == (try JSONLines.read(path: "\(path).gz")))
      guard name == "lines" || name == "array" else { continue }
      #expect(lines[39_999].number == (name == "lines" ? 40_000 : 40_002))
      #expect(lines[39_999].value.object?["number"] == .number(39_999))
    }
  }

  @Test("A file that cannot be read is an error with the system's reason")
  func unreadable() {
    #expect(
      throws: Failure("/nowhere/x: cannot be read: No such file or directory; check the path and its permissions")
    ) {
      try JSONLines.read(path: "/nowhere/x")
    }
    #expect(throws: Failure("/: cannot be read: Is a directory; check the path and its permissions")) {
      try JSONLines.read(path: "/")
    }
  }
}
