extension JSONValue {
  /// Reads a text that consists of one value, without a byte-order mark. `line` is the number of its first line.
  ///
  /// Throws for invalid JSON, a duplicate key, an unpaired surrogate, a number beyond the range of a double, and more than 128 levels of
  /// nesting.
  public init(parsing text: some Collection<UInt8>, line: Int = 1) throws(JSONError) {
    let value = text.withContiguousStorageIfAvailable { bytes -> Result<JSONValue, JSONError> in
      var parser = JSONParser(bytes, line: line)
      do throws(JSONError) {
        return .success(try parser.document())
      } catch {
        return .failure(error)
      }
    }
    guard let value else {
      try self.init(parsing: Array(text), line: line)
      return
    }
    self = try value.get()
  }
}

/// The content of a file without a leading byte-order mark.
public func withoutByteOrderMark(_ content: [UInt8]) -> ArraySlice<UInt8> {
  let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
  return content.starts(with: mark) ? content.dropFirst(mark.count) : content[...]
}

/// The elements of a text that consists of one array, read one after the other.
public struct JSONElements {
  private let text: [UInt8]
  /// Where the next element begins. It lends no bytes between the calls.
  private var parser = JSONParser(UnsafeBufferPointer(start: nil, count: 0), line: 1)
  private var isBegun = false, isFinished = false

  /// Creates the elements of a text without a byte-order mark.
  public init(of text: some Collection<UInt8>) { self.text = Array(text) }

  /// The next element with the line on which it begins; nil at the end. Throws like `JSONValue(parsing:)`, and is then at the end.
  public mutating func next() throws(JSONError) -> (line: Int, value: JSONValue)? {
    guard !isFinished else { return nil }
    let isFirst = !isBegun
    isBegun = true
    var parser = parser
    let element = text.withUnsafeBufferPointer { bytes -> Result<(line: Int, value: JSONValue)?, JSONError> in
      parser.bytes = bytes
      do throws(JSONError) {
        return .success(try parser.documentElement(isFirst: isFirst))
      } catch {
        return .failure(error)
      }
    }
    self.parser = parser
    self.parser.bytes = UnsafeBufferPointer(start: nil, count: 0)
    isFinished = (try? element.get()) == nil
    return try element.get()
  }
}
