extension PluginListing {
  /// The listing for machines: an array of entries and one of problems.
  package var json: JSONText {
    .object([
      ("entries", .array(entries.map(\.json))),
      ("problems", .array(problems.map { .object([("path", .string($0.path)), ("message", .string($0.message))]) })),
    ])
  }
}

extension PluginEntryDescription {
  /// The entry for machines.
  package var json: JSONText {
    .object([
      ("kind", .string(kind.rawValue)), ("name", .string(name)), ("version", .string(version)),
      ("summary", .string(summary)), ("numeric_gradient", .boolean(hasNumericGradient)), ("library", .string(library)),
      ("shadowed_by", shadowedBy.map(JSONText.string) ?? .null),
      ("conflicts_with", .array(conflictsWith.map(JSONText.string))),
    ])
  }
}
