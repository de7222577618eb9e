import LossKit

/// The settings of a run by key, from the command line and a recipe. The command line takes precedence.
struct RunSettings {
  /// Where a value was written.
  enum Origin: Equatable {
    case commandLine
    case recipe(file: String, line: Int)
  }

  /// A value and where it was written.
  struct Entry {
    let key: String
    let value: String
    let origin: Origin
  }

  private let schema: RunSchema
  private(set) var entries: [Entry] = []

  init(_ schema: RunSchema) { self.schema = schema }

  /// Combines a recipe with the command line, which takes precedence. Notes overridden values.
  init(_ schema: RunSchema, recipe: RunSettings, commandLine: RunSettings) {
    self.schema = schema
    for old in recipe.entries {
      guard let new = commandLine.entries.first(where: { Self.replaces($0, old, schema) }) else { continue }
      Console.note("\(new.text(schema)) of the command line overrides \(old.text(schema)) of \(old.origin)")
    }
    entries =
      recipe.entries.filter { old in !commandLine.entries.contains { Self.replaces($0, old, schema) } }
      + commandLine.entries
  }

  /// Adds a value. Throws if the key takes one value and already has one from the same origin.
  mutating func add(_ entry: Entry) throws {
    if arity(of: entry.key) != .list, let other = entries.first(where: { Self.replaces(entry, $0, schema) }) {
      throw Failure("\(entry.key) is set twice: \(other.value) and \(entry.value); set it once")
    }
    entries.append(entry)
  }

  /// The values of a key that takes any number.
  func values(_ key: RunKey) -> [String] { entries.filter { $0.key == key.name }.map(\.value) }

  /// The value of a key, or its default if it has one.
  func value(_ key: RunKey) -> String? {
    values(key).last ?? (key.defaultText.isEmpty ? nil : key.defaultText)
  }

  /// Whether a key is set explicitly.
  func has(_ key: RunKey) -> Bool { entries.contains { $0.key == key.name } }

  /// The value of a key that must be set.
  func required(_ key: RunKey) throws -> String {
    guard let value = value(key) else {
      throw Failure("no \(key.name) is given; add --\(key.option) <\(key.placeholder)>, or \(key.name) to the recipe")
    }
    return value
  }

  /// Transforms every entry.
  func replacing(_ transform: (Entry) throws -> Entry) throws -> RunSettings {
    var settings = RunSettings(schema)
    for entry in entries { try settings.add(transform(entry)) }
    return settings
  }

  private func arity(of key: String) -> RunKey.Arity { Self.arity(of: key, schema) }

  private static func arity(of key: String, _ schema: RunSchema) -> RunKey.Arity {
    if let key = schema.keys.first(where: { $0.name == key }) { return key.arity }
    return .single
  }

  /// Whether an entry overrides an earlier one; assignments do if they have the same name.
  private static func replaces(_ new: Entry, _ old: Entry, _ schema: RunSchema) -> Bool {
    guard new.key == old.key else { return false }
    let isAssignment =
      arity(of: new.key, schema) == .assignments || new.isForOneLoss(schema) || old.isForOneLoss(schema)
    return !isAssignment || new.assigned?.name == old.assigned?.name
  }
}

extension RunSettings.Entry {
  /// Runs a closure that uses the value. A failure starts with the file and line if the value comes from a recipe.
  func locatingFailures(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let failure as Failure {
      guard case .recipe = origin else { throw failure }
      throw Failure("\(origin): \(failure.message)")
    }
  }

  /// The two sides of `name=value`; nil if the value has no '='.
  var assigned: (name: String, value: String)? {
    guard let sign = value.lastIndex(of: "=") else { return nil }
    return (String(value[..<sign]), String(value[value.index(after: sign)...]))
  }

  /// The setting as on the command line, without dashes.
  fileprivate func text(_ schema: RunSchema) -> String {
    schema.keys.contains { $0.name == key && $0.arity == .assignments } ? value : "\(key)=\(value)"
  }

  /// Whether it sets a training key for some of the objectives of a comparison: `cal-dpo=1e-4`.
  func isForOneLoss(_ schema: RunSchema) -> Bool {
    schema.isComparison && schema.trainingKey(key) != nil && assigned != nil
  }
}

extension RunSettings.Origin: CustomStringConvertible {
  /// The place, in words.
  var description: String {
    switch self {
    case .commandLine: "the command line"
    case .recipe(let file, let line): "\(file), line \(line)"
    }
  }
}
