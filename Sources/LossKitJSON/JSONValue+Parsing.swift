extension JSONValue {
  /// Reads a text that consists of one value, without a byte-order mark. `line` is the number of its first line.
  ///
  /// Throws for invalid JSON, a duplicate key, an unpaired surrogate, a number beyond the range of a double, and more than 128 levels of
  /// nesting.
  public init(parsing text: some Collection<UInt8>, line: Int = 1) throws(JSONError) {
    self = try withParser(text, line: line) { (parser: inout JSONParser) throws(JSONError) in try parser.document() }
  }

  /// Reads a text that consists of one array, and returns its elements with the lines on which they begin. Throws like `init(parsing:)`.
  public static func elements(parsing text: some Collection<UInt8>) throws(JSONError) -> [(line: Int, value: JSONValue)]
  {
    try withParser(text, line: 1) { (parser: inout JSONParser) throws(JSONError) in try parser.documentElements() }
  }
}

/// The content of a file without a leading byte-order mark.
public func withoutByteOrderMark(_ content: [UInt8]) -> ArraySlice<UInt8> {
  let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
  return content.starts(with: mark) ? content.dropFirst(mark.count) : content[...]
}

private func withParser<Value>(
  _ text: some Collection<UInt8>, line: Int, _ body: (inout JSONParser) throws(JSONError) -> Value
) throws(JSONError) -> Value {
  let lent = text.withContiguousStorageIfAvailable { bytes -> Result<Value, JSONError> in
    var parser = JSONParser(bytes, line: line)
    do throws(JSONError) {
      return .success(try body(&parser))
    } catch {
      return .failure(error)
    }
  }
  guard let lent else { return try withParser(Array(text), line: line, body) }
  return try lent.get()
}
