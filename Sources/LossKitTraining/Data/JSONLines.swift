import LossKit
public import LossKitJSON

/// Reads JSON Lines, one JSON value per line, or a JSON array of the values: UTF-8, optionally compressed with gzip. Blank lines, a
/// byte-order mark and CRLF are allowed.
public enum JSONLines {
  /// One value of a file.
  public struct Line: Sendable, Equatable {
    /// The line of the file on which the value begins, from 1.
    public var number: Int
    /// The value.
    public var value: JSONValue
  }

  /// Reads the values of a file, or of standard input if the path is `-`. Throws a `Failure` that names the file and each line that is
  /// not JSON.
  public static func read(path: String) throws -> [Line] {
    try lines(in: bytes(ofFile: path), name: displayName(ofFile: path))
  }

  /// Reads the values of a file's content. Throws a `Failure` with `name` and each line that is not JSON.
  public static func lines(in content: [UInt8], name: String) throws -> [Line] {
    var problems = Problems(in: name)
    let lines = try lines(in: content, name: name, problems: &problems)
    try problems.throwIfAny()
    return lines
  }

  /// Reads the values that are JSON and records the others as problems. Throws if the content cannot be decompressed.
  static func lines(in content: [UInt8], name: String, problems: inout Problems) throws -> [Line] {
    let text = withoutByteOrderMark(try Gzip.decompressed(content, name: name))
    if text.first(where: { !isBlank($0) && $0 != newline }) == UInt8(ascii: "[") {
      return elements(of: text, problems: &problems)
    }
    var lines: [Line] = []
    for (index, line) in text.split(separator: newline, omittingEmptySubsequences: false).enumerated()
    where line.contains(where: { !isBlank($0) }) {
      do throws(JSONError) {
        lines.append(Line(number: index + 1, value: try JSONValue(parsing: line, line: index + 1)))
      } catch {
        problems.add(line: index + 1, message(error, remedy: "write one JSON object on each line"))
      }
    }
    return lines
  }

  private static func elements(of text: ArraySlice<UInt8>, problems: inout Problems) -> [Line] {
    do throws(JSONError) {
      return try JSONValue.elements(parsing: text).map { Line(number: $0.line, value: $0.value) }
    } catch {
      problems.add(
        line: error.line, message(error, remedy: "write one list of JSON objects, or one object on each line"))
      return []
    }
  }

  private static func message(_ error: JSONError, remedy: String) -> String {
    "\(error.problem) (column \(error.column)); \(error.remedy ?? remedy)"
  }

  private static let newline = UInt8(ascii: "\n")

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
  }
}
