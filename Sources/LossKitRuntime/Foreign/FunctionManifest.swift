import LossKit
import LossKitJSON

/// A file `NAME.losskit.json` that declares a library's function as a loss or a reward.
///
/// The keys `name`, `kind` (loss or reward), `library` and `function` (a C prototype) are required. The others are
/// those of `FunctionDeclaration`: `gradient`, `version`, `summary`, `citation`, `documentation`, `default_reward`,
/// `shift_invariant`, `zero_at_reference`, `columns` (a list of names), and `hyperparameters`, an object of objects by
/// name with the keys `summary`, `symbol`, `minimum`, `maximum`, `minimum_excluded`, `maximum_excluded` and
/// `scales_rewards`, as in `losskit describe --json`.
struct FunctionManifest {
  /// The suffix of manifest file names.
  static let suffix = ".losskit.json"

  let declaration: FunctionDeclaration
  /// The library as the manifest gives it.
  let library: String

  /// Parses a manifest. Throws for invalid JSON, and for keys that are unknown, missing or of the wrong type, with the
  /// key and line.
  init(parsing bytes: [UInt8]) throws {
    let members = try Members(parsing: bytes)
    try members.check(known: ["library"] + FunctionDeclaration.keys)
    library = try members.required("library", "the file of the function, beside the manifest")
    declaration = try FunctionDeclaration(members)
  }
}

extension FunctionDeclaration {
  fileprivate static let keys = [
    "name", "kind", "function", "gradient", "version", "summary", "citation", "documentation", "default_reward",
    "shift_invariant", "zero_at_reference", "hyperparameters", "columns",
  ]

  /// Parses the declaration of a function of the running program: JSON with the keys of a manifest except `library`.
  ///
  /// Throws for invalid JSON, and for keys that are unknown, missing or of the wrong type, with the key and line.
  package init(parsing bytes: [UInt8]) throws {
    let members = try Members(parsing: bytes)
    try members.check(known: Self.keys)
    try self.init(members)
  }

  fileprivate init(_ members: Members) throws {
    let kindName = try members.required("kind", "loss or reward")
    guard let kind = LoadedComponent.Kind(rawValue: kindName) else {
      throw members.failure("kind", "'\(kindName)' is not a kind; loss and reward are")
    }
    self.init(
      name: try members.required("name", "the name it is found by"), kind: kind,
      prototype: try members.required("function", "a C prototype, as 'double f(double chosen_reward)'"),
      gradientPrototype: try members.text("gradient"), summary: try members.text("summary") ?? "")
    version = try members.text("version") ?? version
    citation = try members.text("citation") ?? ""
    documentation = try members.text("documentation") ?? ""
    defaultReward = try members.text("default_reward")
    isShiftInvariant = try members.boolean("shift_invariant") ?? false
    isZeroAtReference = try members.boolean("zero_at_reference") ?? false
    columns = try members.texts("columns") ?? []
    for note in try members.object("hyperparameters")?.members ?? [] {
      let members = try Members(note.value, line: note.line, of: "hyperparameters.\(note.key)")
      hyperparameters[note.key] = try Self.note(members)
    }
  }

  private static func note(_ members: Members) throws -> HyperparameterNote {
    try members.check(known: [
      "summary", "symbol", "minimum", "maximum", "minimum_excluded", "maximum_excluded", "scales_rewards",
    ])
    return HyperparameterNote(
      summary: try members.text("summary") ?? "", symbol: try members.text("symbol") ?? "",
      minimum: try members.number("minimum") ?? -.infinity, maximum: try members.number("maximum") ?? .infinity,
      isMinimumExcluded: try members.boolean("minimum_excluded") ?? false,
      isMaximumExcluded: try members.boolean("maximum_excluded") ?? false,
      scalesRewards: try members.boolean("scales_rewards") ?? false)
  }
}

/// The members of an object of a manifest, by key.
private struct Members {
  private let object: JSONObject
  /// The prefix of keys in messages.
  private let owner: String?

  /// The members of a whole manifest.
  init(parsing bytes: [UInt8]) throws {
    do {
      try self.init(JSONValue(parsing: withoutByteOrderMark(bytes)), line: 1, of: nil)
    } catch let error as JSONError {
      throw error.failure
    }
  }

  init(_ value: JSONValue, line: Int, of owner: String?) throws {
    guard case .object(let object) = value else {
      let place = owner.map { "key '\($0)'" } ?? "a manifest"
      throw Failure("line \(line): \(place) is \(value.kindName); expected an object in braces")
    }
    self.object = object
    self.owner = owner
  }

  func check(known: [String]) throws {
    for member in object.members where !known.contains(member.key) {
      let message = unknownNameMessage(member.key, kind: owner.map { "key of \($0)" } ?? "key", known: known)
      throw Failure("line \(member.line): \(message)")
    }
  }

  func required(_ key: String, _ what: String) throws -> String {
    guard let text = try text(key) else { throw Failure("key '\(key)' is missing; it gives \(what)") }
    return text
  }

  func text(_ key: String) throws -> String? {
    try read(key, "a text in quotation marks") { $0.string }
  }

  func boolean(_ key: String) throws -> Bool? {
    try read(key, "true or false") { $0.bool }
  }

  func number(_ key: String) throws -> Double? {
    try read(key, "a number") { $0.double }
  }

  func object(_ key: String) throws -> JSONObject? {
    try read(key, "an object in braces") { $0.object }
  }

  func texts(_ key: String) throws -> [String]? {
    try read(key, "a list of texts") { value in
      guard let elements = value.array else { return nil }
      let texts = elements.compactMap(\.string)
      return texts.count == elements.count ? texts : nil
    }
  }

  func failure(_ key: String, _ problem: String) -> Failure {
    let line = object.members.first { $0.key == key }?.line ?? 1
    return Failure("line \(line): key '\(owner.map { "\($0)." } ?? "")\(key)': \(problem)")
  }

  private func read<Value>(
    _ key: String, _ expected: String, _ value: (JSONValue) -> Value?
  ) throws -> Value? {
    guard let json = object[key] else { return nil }
    guard let value = value(json) else {
      throw failure(key, "it is \(json.kindName); expected \(expected)")
    }
    return value
  }
}
