import LossKit
import LossKitJSON
import LossKitSystem

/// Reads the values of JSON Lines, or of a JSON array, one after the other: UTF-8, optionally compressed with gzip. Blank lines, a
/// byte-order mark and CRLF are allowed.
///
/// Of JSON Lines, one line is in memory at a time; of an array, the text.
public final class JSONLineReader {
  /// The name of the file in messages.
  public var name: String { stream.name }

  private let stream: ByteStream
  /// What was read and not yet parsed, from `start` on.
  private var buffer: [UInt8] = []
  private var start = 0
  /// The number of lines parsed.
  private var line = 0
  private var form = Form.unknown

  private enum Form {
    case unknown, lines
    case array(JSONElements)
  }

  /// Opens a file, or standard input if the path is `-`. Throws a `Failure` with the system's reason.
  public convenience init(path: String) throws { self.init(try ByteStream(path: path)) }

  /// Reads the content of a file.
  convenience init(_ content: [UInt8], name: String) { self.init(ByteStream(content, name: name)) }

  private init(_ stream: ByteStream) { self.stream = stream }

  /// The next value; nil at the end. What is not JSON is recorded as a problem and passed over. Throws if the file cannot be read or
  /// decompressed.
  package func next(_ problems: inout Problems) throws -> JSONLines.Line? {
    while true {
      switch form {
      case .unknown: try begin()
      case .lines:
        guard let text = try nextLine() else { return nil }
        guard text.contains(where: { !isBlank($0) }) else { continue }
        do throws(JSONError) {
          return JSONLines.Line(number: line, value: try JSONValue(parsing: text, line: line))
        } catch {
          problems.add(line: line, message(error, remedy: "write one JSON object on each line"))
        }
      case .array(var elements):
        // The only owner of the text advances it.
        form = .lines
        buffer = []
        start = 0
        do throws(JSONError) {
          guard let element = try elements.next() else { return nil }
          form = .array(elements)
          return JSONLines.Line(number: element.line, value: element.value)
        } catch {
          problems.add(
            line: error.line, message(error, remedy: "write one list of JSON objects, or one object on each line"))
          return nil
        }
      }
    }
  }

  /// Reads up to the first byte that is not blank, which tells an array from lines.
  private func begin() throws {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    while buffer.count < mark.count, try readMore() {}
    if buffer.starts(with: mark) { start = mark.count }
    var place = start
    while true {
      while place < buffer.count, isBlank(buffer[place]) || buffer[place] == newline { place += 1 }
      let isThere = try place < buffer.count || readMore()
      if !isThere || place < buffer.count { break }
    }
    guard place < buffer.count, buffer[place] == UInt8(ascii: "[") else {
      form = .lines
      return
    }
    while try readMore() {}
    form = .array(JSONElements(of: buffer[start...]))
    buffer = []
    start = 0
  }

  /// The bytes of the next line, without its end; nil at the end of the file.
  private func nextLine() throws -> ArraySlice<UInt8>? {
    var searched = start
    while true {
      if let end = buffer.firstIndex(of: newline, from: searched) {
        defer { start = end + 1 }
        line += 1
        return buffer[start..<end]
      }
      buffer.removeSubrange(..<start)
      start = 0
      searched = buffer.count
      guard try readMore() else { break }
    }
    guard !buffer.isEmpty else { return nil }
    defer { start = buffer.count }
    line += 1
    return buffer[...]
  }

  /// Appends the next bytes of the file; returns whether there were any.
  private func readMore() throws -> Bool {
    let bytes = try stream.next()
    if buffer.isEmpty { buffer = bytes } else { buffer += bytes }
    return !bytes.isEmpty
  }

  private func message(_ error: JSONError, remedy: String) -> String {
    "\(error.problem) (column \(error.column)); \(error.remedy ?? remedy)"
  }
}

private let newline = UInt8(ascii: "\n")

private func isBlank(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
}

extension [UInt8] {
  /// The first index of a byte from an index on, found by the C library.
  fileprivate func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, start < bytes.count else { return nil }
      guard let found = memchr(base + start, Int32(byte), bytes.count - start) else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }
}
