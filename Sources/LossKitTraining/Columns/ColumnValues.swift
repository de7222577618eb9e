import LossKit
package import LossKitJSON

/// The values of one column in one row.
package struct ColumnValues {
  /// By reference, response and token; a dimension that the column lacks has one entry.
  package let values: [[[Double]]]
  /// Whether the row has an array over references.
  package let hasReferences: Bool

  /// Whether the row has a bare number for its single response.
  package let isSingleNumber: Bool

  /// Reads a column of a row. Throws, naming the key, if a key is missing or a value has the wrong shape or type.
  package init(_ keys: ColumnKeys, in members: JSONObject) throws {
    func value(_ name: String) throws -> JSONValue {
      guard let value = members[name] else {
        throw Failure("has no \(name), which other lines have; all lines need the same columns")
      }
      return value
    }
    let column = keys.column
    if keys.isPair {
      (hasReferences, isSingleNumber) = (false, false)
      values = [try keys.names.map { try Self.response(value($0), column, $0, shape: column.shapeOfResponse) }]
      return
    }
    let name = keys.names[0]
    let value = try value(name)
    isSingleNumber = column.extent == .response && Self.depth(value) == 0
    hasReferences = column.isPerReference && Self.depth(value) > column.depth
    let references = hasReferences ? try Self.elements(value, name, shape: column.shape) : [value]
    guard !references.isEmpty else { throw Failure("\(name) has no reference; write \(column.shape)") }
    values = try references.map { try Self.responses($0, column, name) }
  }

  private static func responses(_ value: JSONValue, _ column: Column, _ name: String) throws -> [[Double]] {
    if column.extent == .prompt { return [[try number(value, column, name, shape: column.shape)]] }
    // A single response may omit the array.
    if column.extent == .response, case .number = value {
      return [[try number(value, column, name, shape: column.shape)]]
    }
    let responses = try elements(value, name, shape: column.shape)
    guard !responses.isEmpty else { throw Failure("\(name) has no response; write \(column.shape)") }
    return try responses.enumerated().map { index, value in
      try response(value, column, "response \(index + 1) of \(name)", shape: column.shape)
    }
  }

  private static func response(
    _ value: JSONValue, _ column: Column, _ name: String, shape: String
  ) throws -> [Double] {
    guard column.extent == .token else { return [try number(value, column, name, shape: shape)] }
    let tokens = try elements(value, name, shape: shape)
    guard !tokens.isEmpty else {
      throw Failure("\(name) has no token; write a number for each, the end token included")
    }
    return try tokens.map { try number($0, column, name, shape: shape) }
  }

  private static func elements(_ value: JSONValue, _ name: String, shape: String) throws -> [JSONValue] {
    guard case .array(let elements) = value else { throw mismatch(value, name, shape) }
    return elements
  }

  private static func number(_ value: JSONValue, _ column: Column, _ name: String, shape: String) throws -> Double {
    switch value {
    case .number(let number): return number.double
    case .bool(let isTrue) where column.name == Column.label.name: return isTrue ? 1 : 0
    default: throw mismatch(value, name, shape)
    }
  }

  private static func mismatch(_ value: JSONValue, _ name: String, _ shape: String) -> Failure {
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
