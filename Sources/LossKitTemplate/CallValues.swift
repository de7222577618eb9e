/// The values of the arguments of a call.
struct CallValues {
  var positional: [Value] = []
  var keywords: [(name: String, value: Value)] = []

  /// The values in the order of `names`, nil for those that are not given. Throws for others.
  func values(_ names: String..., of function: String) throws -> [Value?] {
    guard positional.count <= names.count else {
      throw Problem("\(function) takes at most \(names.count) arguments, not \(positional.count)")
    }
    var values = positional.map(Optional.some) + Array(repeating: nil, count: names.count - positional.count)
    for keyword in keywords {
      guard let place = names.firstIndex(of: keyword.name) else {
        throw Problem("\(function) takes no argument '\(keyword.name)'")
      }
      guard case nil = values[place] else { throw Problem("\(function) takes one value of '\(keyword.name)'") }
      values[place] = keyword.value
    }
    return values
  }

  /// The value of the single argument.
  func value(of function: String) throws -> Value {
    guard let value = try values("value", of: function)[0] else { throw Problem("\(function) takes an argument") }
    return value
  }
}

extension Value? {
  /// The whole number of an argument, or its preset.
  func integer(_ preset: Int, _ what: String) throws -> Int {
    guard let self else { return preset }
    guard let value = self.integer else { throw Problem("\(what) is \(self.type) instead of a whole number") }
    return value
  }

  /// The text of an argument, or its preset.
  func text(_ preset: String, _ what: String) throws -> String {
    guard let self else { return preset }
    guard let text = self.text else { throw Problem("\(what) is \(self.type) instead of a text") }
    return text
  }
}
