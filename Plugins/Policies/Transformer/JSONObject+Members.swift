import LossKit
import LossKitJSON

// Reading of the untrusted object in a file. Failures name the member.
extension JSONObject {
  /// Reads a file of at most `limit` bytes, which is what `kind` says, and calls `read` with its object.
  static func read<Value>(
    file path: String, limit: Int, kind: String, _ read: (JSONObject) throws -> Value
  ) throws -> Value {
    let file = try File.reading(path), place = "transformer: \(path)", size = try file.size()
    guard size <= limit else { throw Failure("\(place): \(size) bytes are too many for \(kind)") }
    return try self.read(file.read(size, at: 0), place: place, read)
  }

  /// Parses a file's bytes and calls `read` with the object; messages of failures begin with `place`.
  static func read<Value>(_ bytes: [UInt8], place: String, _ read: (JSONObject) throws -> Value) throws -> Value {
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONValue(parsing: withoutByteOrderMark(bytes))
    } catch {
      throw Failure("\(place): \(error); the file is damaged or of another kind")
    }
    guard let object = value.object else {
      throw Failure("\(place): \(value.kindName), not an object; the file is damaged or of another kind")
    }
    do {
      return try read(object)
    } catch let failure as Failure {
      throw Failure("\(place): \(failure.message)")
    }
  }

  /// Writes a file of this object, one member per line, and waits until it is on disk.
  func write(_ path: String) throws {
    try Array((JSONValue.object(self).indented + "\n").utf8).withUnsafeBytes { try File.write(path, [$0]) }
  }

  /// A member's value; nil if it is missing or null.
  func value(_ name: String) -> JSONValue? {
    let value = self[name]
    return value == .null ? nil : value
  }

  /// A member's value, for messages.
  func text(of name: String) -> String {
    switch self[name] {
    case nil, .null: "null"
    case .number(let number): number.integer.map { "\($0)" } ?? "\(number.double)"
    case .bool(let value): "\(value)"
    case .string(let text): "\"\(text)\""
    case .array: "a list"
    case .object: "an object"
    }
  }
}
