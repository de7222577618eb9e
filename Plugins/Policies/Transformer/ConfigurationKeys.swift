import LossKit
import LossKitJSON

/// Checked reading of a `config.json`'s keys; failures name the key.
struct ConfigurationKeys {
  let json: JSONObject

  init(_ json: JSONObject) { self.json = json }

  /// Whether the key has a value that is not null.
  func has(_ name: String) -> Bool { json.value(name) != nil }

  /// The integer of a key; nil if it is missing or null.
  func integer(_ name: String, in range: ClosedRange<Int> = 0...1 << 30) throws -> Int? {
    guard let value = json.value(name) else { return nil }
    guard let integer = value.integer, range.contains(integer) else {
      throw Failure("\(name) is \(json.text(of: name)), not a whole number within \(range)")
    }
    return integer
  }

  /// The number of a key; nil if it is missing or null.
  func real(_ name: String, in bounds: Bounds = .positive) throws -> Double? {
    guard let value = json.value(name) else { return nil }
    guard let real = value.double, bounds.contains(real) else {
      throw Failure("\(name) is \(json.text(of: name)), which is out of bounds")
    }
    return real
  }

  /// The truth value of a key; nil if it is missing or null.
  func flag(_ name: String) throws -> Bool? {
    guard let value = json.value(name) else { return nil }
    guard let flag = value.bool else { throw Failure("\(name) is \(json.text(of: name)), not true or false") }
    return flag
  }

  /// The text of a key; nil if it is missing or null.
  func text(_ name: String) throws -> String? {
    guard let value = json.value(name) else { return nil }
    guard let text = value.string else { throw Failure("\(name) is \(json.text(of: name)), not a text") }
    return text
  }

  /// The numbers of a list; nil if it is missing or null.
  func reals(_ name: String, count: Int) throws -> [Double]? {
    guard let value = json.value(name) else { return nil }
    let reals = value.array?.compactMap(\.double).filter { $0.isFinite && $0 > 0 }
    guard let reals, reals.count == value.array?.count, reals.count == count else {
      throw Failure("\(name) is not a list of \(count) positive numbers")
    }
    return reals
  }

  /// An object's keys; nil if it is missing or null.
  func object(_ name: String) throws -> ConfigurationKeys? {
    guard let value = json.value(name) else { return nil }
    guard let object = value.object else { throw Failure("\(name) is \(json.text(of: name)), not an object") }
    return ConfigurationKeys(object)
  }
}
