import FoundationEssentials
import LossKit

/// Reads JSON Lines: one JSON value a line, in UTF-8. Blank lines, a byte-order mark and CRLF are allowed.
public enum JSONLines {
  /// One line of a file.
  public struct Line: Sendable, Equatable {
    /// Its number in the file, from 1.
    public var number: Int
    /// Its value.
    public var value: JSONValue
  }

  /// The lines of a file that are not blank, of standard input where the path is `-`; throws a `Failure` that names the file
  /// and each line that is not JSON.
  public static func read(path: String) throws -> [Line] {
    try lines(in: bytes(ofFile: path), name: displayName(ofFile: path))
  }

  /// The lines of a file's content that are not blank; throws a `Failure` that has `name` and each line that is not JSON.
  public static func lines(in content: [UInt8], name: String) throws -> [Line] {
    var problems = Problems(in: name)
    let lines = lines(in: content, problems: &problems)
    try problems.throwIfAny()
    return lines
  }

  /// The lines that are JSON; the others are noted as problems.
  static func lines(in content: [UInt8], problems: inout Problems) -> [Line] {
    let decoder = JSONDecoder()
    var lines: [Line] = []
    for (index, line) in split(content).enumerated() where line.contains(where: { !isBlank($0) }) {
      do {
        lines.append(Line(number: index + 1, value: try value(of: line, decoder: decoder)))
      } catch let failure as Failure {
        problems.add(line: index + 1, failure.message)
      } catch {
        problems.add(line: index + 1, reason(for: line))
      }
    }
    return lines
  }

  private static func value(of line: ArraySlice<UInt8>, decoder: JSONDecoder) throws -> JSONValue {
    if let offset = offsetOfInvalidUTF8(in: line) {
      throw Failure("not UTF-8 at byte \(grouped(offset)) of the line, counted from 0; convert the file to UTF-8")
    }
    return try decoder.decode(JSONValue.self, from: Data(line))
  }

  private static func split(_ content: [UInt8]) -> [ArraySlice<UInt8>] {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let text = content.starts(with: mark) ? content.dropFirst(mark.count) : content[...]
    return text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
  }

  /// Why a line is no JSON, as far as can be said: the decoder gives no position, so the message shows the line.
  private static func reason(for line: ArraySlice<UInt8>) -> String {
    let text = line.drop(while: isBlank)
    let end = text.last { !isBlank($0) }
    let problem =
      text.first == UInt8(ascii: "{") && end != UInt8(ascii: "}")
      ? "the object does not end on this line" : "the line does not parse"
    let excerpt = String(String(decoding: text, as: UTF8.self).prefix(excerptLength))
    let more = excerpt.utf8.count < text.count ? "…" : ""
    return "not JSON: \(problem): \(excerpt)\(more); write one JSON object on each line, without NaN or Infinity"
  }

  private static let excerptLength = 60
}

/// The offset of the first byte that is not part of well-formed UTF-8, or nil.
func offsetOfInvalidUTF8(in bytes: ArraySlice<UInt8>) -> Int? {
  guard let start = bytes.firstIndex(where: { $0 >= 0x80 }) else { return nil }
  var offset = start - bytes.startIndex
  var rest = bytes[start...].makeIterator()
  var parser = Unicode.UTF8.ForwardParser()
  while true {
    switch parser.parseScalar(from: &rest) {
    case .valid(let scalar): offset += scalar.count
    case .emptyInput: return nil
    case .error: return offset
    }
  }
}
