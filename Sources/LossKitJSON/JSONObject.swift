/// The members of a JSON object, each key once, in the order in which they are written.
public struct JSONObject: Sendable {
  /// A key with its value.
  public struct Member: Sendable, Equatable {
    /// The key. Keys are told apart by their bytes.
    public let key: String
    /// The value.
    public let value: JSONValue
    /// The line on which the key stands, from 1.
    public let line: Int

    init(key: String, value: JSONValue, line: Int) {
      self.key = key
      self.value = value
      self.line = line
    }
  }

  /// The members, in their order.
  public private(set) var members: [Member]
  /// The line on which the object begins, from 1.
  public let line: Int

  init(_ members: [Member], line: Int) {
    self.members = members
    self.line = line
  }

  /// An object that was not read from a text, from members with each key once.
  public init(_ members: [(String, JSONValue)]) {
    self.init(members.map { Member(key: $0, value: $1, line: 1) }, line: 1)
  }

  /// The keys, in their order.
  public var keys: [String] { members.map(\.key) }

  /// The value of a key; nil where the object does not have it.
  public subscript(key: String) -> JSONValue? {
    members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  /// The object with those of its members that `isKept` accepts.
  public func filter(_ isKept: (Member) -> Bool) -> JSONObject {
    JSONObject(members.filter(isKept), line: line)
  }
}

extension JSONObject: Equatable {
  /// Whether both have the same keys with the same values; order and lines do not matter.
  public static func == (first: JSONObject, second: JSONObject) -> Bool {
    first.members.count == second.members.count && first.members.allSatisfy { second[$0.key] == $0.value }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// An object that was not read from a text, with each key once.
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
