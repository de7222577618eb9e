import LossKit
import LossKitTraining

/// What one line has of one column.
struct InputValues {
  /// By reference, response and token; what the column has none of has one entry.
  let values: [[[Double]]]
  /// Whether the line has an array over references around the column.
  let hasReferences: Bool

  /// Reads a column of a line. Throws for a key that is missing and a value of another shape or kind.
  init(_ key: InputKey, in members: [String: JSONValue]) throws {
    func value(_ name: String) throws -> JSONValue {
      guard let value = members[name] else {
        throw Failure("has no \(name), which other lines have; all lines need the same columns")
      }
      return value
    }
    let column = key.column
    if key.isPair {
      hasReferences = false
      values = [try key.keys.map { [try Self.number(try value($0), column, $0)] }]
      return
    }
    let name = key.keys[0]
    let value = try value(name)
    hasReferences = column.isPerReference && Self.depth(value) > column.depth
    let references = hasReferences ? try Self.elements(value, column, name) : [value]
    guard !references.isEmpty else { throw Failure("\(name) has no reference; write \(column.shape)") }
    values = try references.map { try Self.responses($0, column, name) }
  }

  private static func responses(_ value: JSONValue, _ column: Column, _ name: String) throws -> [[Double]] {
    if column.extent == .prompt { return [[try number(value, column, name)]] }
    let responses = try elements(value, column, name)
    guard !responses.isEmpty else { throw Failure("\(name) has no response; write \(column.shape)") }
    return try responses.map { response in
      guard column.extent == .token else { return [try number(response, column, name)] }
      return try elements(response, column, name).map { try number($0, column, name) }
    }
  }

  private static func elements(_ value: JSONValue, _ column: Column, _ name: String) throws -> [JSONValue] {
    guard case .array(let elements) = value else { throw mismatch(value, column, name) }
    return elements
  }

  private static func number(_ value: JSONValue, _ column: Column, _ name: String) throws -> Double {
    switch value {
    case .number(let number) where number.isFinite: return number
    case .bool(let isTrue) where column.name == Column.label.name: return isTrue ? 1 : 0
    default: throw mismatch(value, column, name)
    }
  }

  private static func mismatch(_ value: JSONValue, _ column: Column, _ name: String) -> Failure {
    let shape = name == column.name ? column.shape : "a number"
    return Failure("\(name) has \(value.kindName) where it should not; write \(shape)")
  }

  private static func depth(_ value: JSONValue) -> Int {
    guard case .array(let elements) = value else { return 0 }
    return 1 + (elements.first.map(depth) ?? 0)
  }
}

extension Column {
  /// How many arrays lie around a number of the column, that of several references left out.
  fileprivate var depth: Int {
    switch extent {
    case .prompt: 0
    case .response: 1
    case .token: 2
    }
  }

  /// How a line has to write the column.
  fileprivate var shape: String {
    let one =
      switch extent {
      case .prompt: "a finite number"
      case .response: "an array of finite numbers, one a response"
      case .token: "an array of arrays of finite numbers, one a response, over its tokens"
      }
    return isPerReference ? "\(one), or an array of such, one a reference" : one
  }
}
