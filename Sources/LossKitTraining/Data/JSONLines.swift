public import LossKitJSON

/// The values of JSON Lines, one JSON value per line, or of a JSON array of the values, read whole; `JSONLineReader` reads them one after
/// the other.
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
  public static func read(path: String) throws -> [Line] { try lines(of: JSONLineReader(path: path)) }

  /// Reads the values of a file's content. Throws a `Failure` with `name` and each line that is not JSON.
  public static func lines(in content: [UInt8], name: String) throws -> [Line] {
    try lines(of: JSONLineReader(content, name: name))
  }

  private static func lines(of reader: JSONLineReader) throws -> [Line] {
    var problems = Problems(in: reader.name)
    var lines: [Line] = []
    while let line = try reader.next(&problems) { lines.append(line) }
    try problems.throwIfAny()
    return lines
  }
}
