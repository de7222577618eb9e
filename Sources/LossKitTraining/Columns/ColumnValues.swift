import LossKit
package import LossKitJSON

/// The values of one column in one row.
package struct ColumnValues {
  /// The values, ordered by reference, response and token.
  package private(set) var values: [Double] = []
  /// The number of references; 1 for a column without references.
  package private(set) var references = 1
  /// The number of responses; 1 for a column per prompt.
  package private(set) var responses = 1
  /// The number of values of each response, for a column over tokens.
  package private(set) var tokenCounts: [Int] = []
  /// Whether the row has an array over references.
  package private(set) var hasReferences = false
  /// Whether the row has a bare number for its single response.
  package private(set) var isSingleNumber = false

  private let column: Column

  /// Reads a column of a row. Throws, naming the key, if a key is missing or a value has the wrong shape or type.
  package init(_ keys: ColumnKeys, in members: JSONObject) throws {
    let column = keys.column
    self.column = column
    func value(_ name: String) throws -> JSONValue {
      guard let value = members[name] else {
        throw Failure("has no \(name), which other lines have; all lines need the same columns")
      }
      return value
    }
    if keys.isPair {
      responses = 2
      for name in keys.names { try append(response: value(name), name, shape: column.shapeOfResponse) }
      return
    }
    let name = keys.names[0]
    let value = try value(name)
    isSingleNumber = column.extent == .response && value.array == nil
    hasReferences = column.isPerReference && Self.depth(value) > column.depth
    guard hasReferences else {
      try append(reference: value, name, isFirst: true)
      return
    }
    let elements = try elements(value, name, shape: column.shape)
    guard !elements.isEmpty else { throw Failure("\(name) has no reference; write \(column.shape)") }
    references = elements.count
    for (index, element) in elements.enumerated() { try append(reference: element, name, isFirst: index == 0) }
  }

  private mutating func append(reference value: JSONValue, _ name: String, isFirst: Bool) throws {
    guard column.extent != .prompt else { return values.append(try number(value, name, shape: column.shape)) }
    // A single response may omit the array.
    if column.extent == .response, case .number = value {
      return values.append(try number(value, name, shape: column.shape))
    }
    let elements = try elements(value, name, shape: column.shape)
    guard !elements.isEmpty else { throw Failure("\(name) has no response; write \(column.shape)") }
    guard isFirst || elements.count == responses else {
      throw Failure("\(name) is of \(responses) and of \(elements.count) responses; write as many for each reference")
    }
    responses = elements.count
    values.reserveCapacity(values.count + elements.count)
    let column = column
    for (index, element) in elements.enumerated() {
      // Made for a message alone.
      var place: String { "response \(index + 1) of \(name)" }
      let count = try append(response: element, place, shape: column.shape)
      guard !isFirst, column.extent == .token, count != tokenCounts[index] else { continue }
      throw Failure(
        "\(place) has different token counts for its references, \(tokenCounts[index]) and \(count); write equally many"
      )
    }
    if !isFirst, column.extent == .token { tokenCounts.removeLast(responses) }
  }

  /// Appends the values of a response; returns how many there are.
  @discardableResult
  private mutating func append(
    response value: JSONValue, _ name: @autoclosure () -> String, shape: @autoclosure () -> String
  ) throws -> Int {
    guard column.extent == .token else {
      values.append(try number(value, name(), shape: shape()))
      return 1
    }
    let tokens = try elements(value, name(), shape: shape())
    guard !tokens.isEmpty else {
      throw Failure("\(name()) has no token; write a number for each, the end token included")
    }
    for token in tokens { values.append(try number(token, name(), shape: shape())) }
    tokenCounts.append(tokens.count)
    return tokens.count
  }

  private func elements(
    _ value: JSONValue, _ name: @autoclosure () -> String, shape: @autoclosure () -> String
  ) throws -> [JSONValue] {
    guard case .array(let elements) = value else { throw mismatch(value, name(), shape()) }
    return elements
  }

  private func number(
    _ value: JSONValue, _ name: @autoclosure () -> String, shape: @autoclosure () -> String
  ) throws -> Double {
    switch value {
    case .number(let number): return number.double
    case .bool(let isTrue) where column.name == Column.label.name: return isTrue ? 1 : 0
    default: throw mismatch(value, name(), shape())
    }
  }

  private func mismatch(_ value: JSONValue, _ name: String, _ shape: String) -> Failure {
    Failure("\(name) is \(value.kindName); write \(shape)")
  }

  private static func depth(_ value: JSONValue) -> Int {
    guard case .array(let elements) = value else { return 0 }
    return 1 + (elements.first.map(depth) ?? 0)
  }
}

extension Column {
  /// The nesting depth of the column's arrays, not counting the array over references.
  fileprivate var depth: Int {
    switch extent {
    case .prompt: 0
    case .response: 1
    case .token: 2
    }
  }

  /// The shape a row must have for the column, for messages.
  fileprivate var shape: String {
    let one =
      switch extent {
      case .prompt: "a number"
      case .response: "an array of numbers, one per response"
      case .token: "an array of arrays of numbers, one per response, over its tokens"
      }
    return isPerReference ? "\(one), or an array of these, one per reference" : one
  }

  /// The shape of one response's values, for messages.
  fileprivate var shapeOfResponse: String {
    extent == .token ? "an array of numbers, over the tokens of the response" : "a number"
  }
}
