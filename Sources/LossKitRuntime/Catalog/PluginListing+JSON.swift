package import LossKitJSON

extension PluginListing {
  /// The listing as JSON: an array of entries and one of problems.
  package var json: JSONValue {
    .object([
      ("entries", .array(entries.map(\.json))),
      ("problems", .array(problems.map { .object([("path", .string($0.path)), ("message", .string($0.message))]) })),
    ])
  }
}

extension PluginEntryDescription {
  /// The entry as JSON.
  package var json: JSONValue {
    .object([
      ("kind", .string(kind.rawValue)), ("name", .string(name)), ("version", .string(version)),
      ("summary", .string(summary)), ("numeric_gradient", .bool(hasNumericGradient)), ("library", .string(library)),
      ("shadowed_by", shadowedBy.map(JSONValue.string) ?? .null),
      ("conflicts_with", .array(conflictsWith.map(JSONValue.string))),
    ])
  }
}
