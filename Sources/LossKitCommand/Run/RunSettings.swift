import LossKit

/// What is set about a run, by key, on the command line and in a recipe. The command line wins.
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

  /// The values of the recipe and, over them, those of the command line. Tells which ones of the recipe are not used.
  init(_ schema: RunSchema, recipe: RunSettings, commandLine: RunSettings) {
    self.schema = schema
    for old in recipe.entries {
      guard let new = commandLine.entries.first(where: { Self.replaces($0, old, schema) }) else { continue }
      Console.note("\(new.text(schema)) of the command line wins over \(old.text(schema)) of \(old.origin)")
    }
    entries =
      recipe.entries.filter { old in !commandLine.entries.contains { Self.replaces($0, old, schema) } }
      + commandLine.entries
  }

  /// Adds a value. Throws for a key that takes one value and has one from the same place.
  mutating func add(_ entry: Entry) throws {
    if arity(of: entry.key) != .list, let other = entries.first(where: { Self.replaces(entry, $0, schema) }) {
      throw Failure("\(entry.key) is set twice: \(other.value) and \(entry.value); set it once")
    }
    entries.append(entry)
  }

  /// The values of a key that takes any number.
  func values(_ key: RunKey) -> [String] { entries.filter { $0.key == key.name }.map(\.value) }

  /// The value of a key, its default where it has one.
  func value(_ key: RunKey) -> String? {
    values(key).last ?? (key.defaultText.isEmpty ? nil : key.defaultText)
  }

  /// Whether a key is set, not left to its default.
  func has(_ key: RunKey) -> Bool { entries.contains { $0.key == key.name } }

  /// The value of a key that has to be set.
  func required(_ key: RunKey) throws -> String {
    guard let value = value(key) else {
      throw Failure("no \(key.name) is given; add --\(key.option) <\(key.placeholder)>, or \(key.name) to the recipe")
    }
    return value
  }

  /// Puts an entry in the place of another.
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

  /// Whether an entry says again what an earlier one says: of assignments, for the same name.
  private static func replaces(_ new: Entry, _ old: Entry, _ schema: RunSchema) -> Bool {
    guard new.key == old.key else { return false }
    let isAssignment =
      arity(of: new.key, schema) == .assignments || new.isForOneLoss(schema) || old.isForOneLoss(schema)
    return !isAssignment || new.assigned?.name == old.assigned?.name
  }
}

extension RunSettings.Entry {
  /// Does something with the value; a failure about it begins with the file and line of a recipe's key.
  func locatingFailures(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let failure as Failure {
      guard case .recipe = origin else { throw failure }
      throw Failure("\(origin): \(failure.message)")
    }
  }

  /// The two sides of `name=value`; nil where the value has no '='.
  var assigned: (name: String, value: String)? {
    guard let sign = value.lastIndex(of: "=") else { return nil }
    return (String(value[..<sign]), String(value[value.index(after: sign)...]))
  }

  /// The setting as it would be written on the command line, without dashes.
  fileprivate func text(_ schema: RunSchema) -> String {
    schema.keys.contains { $0.name == key && $0.arity == .assignments } ? value : "\(key)=\(value)"
  }

  /// Whether it sets a key of the training for some of the objectives of a comparison: `cal-dpo=1e-4`.
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
