/// The members of a JSON object in the order of the text; keys are unique.
public struct JSONObject: Sendable {
  /// A key and its value.
  public struct Member: Sendable, Equatable {
    /// The key. Keys are compared byte for byte.
    public let key: String
    /// The value.
    public let value: JSONValue
    /// The line of the key, from 1.
    public let line: Int

    init(key: String, value: JSONValue, line: Int) {
      self.key = key
      self.value = value
      self.line = line
    }
  }

  /// The members, in order.
  public private(set) var members: [Member]
  /// The line on which the object begins, from 1.
  public let line: Int

  init(_ members: [Member], line: Int) {
    self.members = members
    self.line = line
  }

  /// Creates an object from members with unique keys, not read from a text.
  public init(_ members: [(String, JSONValue)]) {
    self.init(members.map { Member(key: $0, value: $1, line: 1) }, line: 1)
  }

  /// The keys, in order.
  public var keys: [String] { members.map(\.key) }

  /// The value of a key, or nil.
  public subscript(key: String) -> JSONValue? {
    members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  /// The object with only the members that satisfy `isKept`.
  public func filter(_ isKept: (Member) -> Bool) -> JSONObject {
    JSONObject(members.filter(isKept), line: line)
  }
}

extension JSONObject: Equatable {
  /// Whether both have the same keys with the same values, regardless of order and lines.
  public static func == (first: JSONObject, second: JSONObject) -> Bool {
    first.members.count == second.members.count && first.members.allSatisfy { second[$0.key] == $0.value }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// Creates an object from members with unique keys, not read from a text.
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
