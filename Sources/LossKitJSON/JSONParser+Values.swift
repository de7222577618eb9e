import LossKit

extension JSONParser {
  mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard let next = peek() else { throw unexpected("a value") }
    switch next {
    case UInt8(ascii: "{"): return .object(try object(depth: try deeper(depth)))
    case UInt8(ascii: "["): return .array(try array(depth: try deeper(depth)))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    default: return try word()
    }
  }

  private func deeper(_ depth: Int) throws(JSONError) -> Int {
    guard depth < Self.deepest else { throw failure("nested deeper than \(Self.deepest) levels") }
    return depth + 1
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
    let firstLine = line
    position += 1
    var members = Members()
    if take(UInt8(ascii: "}")) { return JSONObject([], line: firstLine) }
    repeat {
      guard peek() == UInt8(ascii: "\"") else { throw unexpected("a key in quotation marks") }
      let start = position
      let line = line
      let key = try string()
      guard members.isNew(key) else {
        position = start
        throw failure("the key '\(key)' appears twice", "remove one of them")
      }
      guard take(UInt8(ascii: ":")) else { throw unexpected("':' behind '\(key)'") }
      members.list.append(JSONObject.Member(key: key, value: try value(depth: depth), line: line))
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw unexpected("',' or '}'") }
    return JSONObject(members.list, line: firstLine)
  }

  private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
    position += 1
    var elements: [JSONValue] = []
    if take(UInt8(ascii: "]")) { return elements }
    repeat { elements.append(try value(depth: depth)) } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw unexpected("',' or ']'") }
    return elements
  }

  private mutating func word() throws(JSONError) -> JSONValue {
    let words: [(StaticString, JSONValue)] = [("true", .bool(true)), ("false", .bool(false)), ("null", .null)]
    let end = endOfWord
    for (word, value) in words where word.utf8CodeUnitCount == end - position {
      let isEqual = (0..<word.utf8CodeUnitCount).allSatisfy { word.utf8Start[$0] == bytes[position + $0] }
      guard isEqual else { continue }
      position = end
      return value
    }
    throw unexpected("a value")
  }

  /// The members read so far. Beyond a few, keys are looked up in a set, so that the time stays linear.
  private struct Members {
    var list: [JSONObject.Member] = []
    private var keys: Set<ExactText> = []
    private static let most = 16

    /// Whether a key, that of the next member, is not among the members.
    mutating func isNew(_ key: String) -> Bool {
      if list.count < Self.most { return !list.contains { ExactText($0.key) == ExactText(key) } }
      if list.count == Self.most { keys = Set(list.map { ExactText($0.key) }) }
      return keys.insert(ExactText(key)).inserted
    }
  }
}
