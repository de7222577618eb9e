import FoundationEssentials
import LossKit
import LossKitJSON

/// The members of a JSON object of which nothing is trusted; failures name the member.
struct JSONObject {
  /// The name of a member, any text.
  struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  private let members: KeyedDecodingContainer<Name>

  init(from decoder: any Decoder) throws { members = try decoder.container(keyedBy: Name.self) }

  private init(members: KeyedDecodingContainer<Name>) { self.members = members }

  /// The names, in alphabetical order.
  var names: [String] { members.allKeys.map(\.stringValue).sorted() }

  /// A member's value; nil where it is missing, null or of another type.
  func value<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) -> Value? {
    try? members.decode(type, forKey: Name(name))
  }

  /// Whether there is such a member, other than null.
  func has(_ name: String) -> Bool { (try? !members.decodeNil(forKey: Name(name))) ?? false }

  /// The object that a member is; nil where it is missing or of another type.
  func object(_ name: String) -> JSONObject? {
    (try? members.nestedContainer(keyedBy: Name.self, forKey: Name(name))).map(JSONObject.init(members:))
  }

  /// A member's value as a message shows it.
  func text(of name: String) -> String {
    if !has(name) { return "null" }
    if let value = value(name, as: Int.self) { return "\(value)" }
    if let value = value(name, as: Double.self) { return "\(value)" }
    if let value = value(name, as: Bool.self) { return "\(value)" }
    if let value = value(name, as: String.self) { return "\"\(value)\"" }
    return object(name) == nil ? "a list or a damaged value" : "an object"
  }
}

extension JSONDecoder {
  /// Runs `decode` for the bytes of a file; `place` begins the message of every failure.
  static func decode<Value>(
    _ bytes: [UInt8], place: String, _ decode: (JSONDecoder, Data) throws -> Value
  ) throws -> Value {
    // The decoder looks at the texts only that it is asked for, and takes one of two values of a key.
    do throws(JSONError) {
      _ = try JSONValue(parsing: withoutByteOrderMark(bytes))
    } catch {
      throw Failure("\(place): \(error); the file is damaged or of another kind")
    }
    do {
      return try decode(JSONDecoder(), Data(bytes))
    } catch let failure as Failure {
      throw Failure("\(place): \(failure.message)")
    } catch {
      throw Failure("\(place): not JSON, or not an object; the file is damaged or of another kind")
    }
  }
}
