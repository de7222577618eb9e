import LossKit
import LossKitTraining

extension RunSettings {
  /// The options that the command's parser left over, and the arguments without an option.
  ///
  /// An option is a key of the command, or a training key or hyperparameter with dashes for underscores.
  static func commandLine(_ arguments: [String], schema: RunSchema) throws -> (settings: RunSettings, names: [String]) {
    var settings = RunSettings(schema)
    var names: [String] = []
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("-"), argument != "-" else {
        names.append(argument)
        continue
      }
      guard argument.hasPrefix("--"), argument.count > 2 else {
        throw Failure("unexpected argument '\(argument)'; options begin with --, see --help")
      }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let option = String(parts[0])
      let name =
        schema.keys.first { $0.option == option }?.name ?? option.replacing("-", with: "_")
      let value: String
      if parts.count == 2 {
        value = String(parts[1])
      } else if schema.trainingKey(name)?.kind == .boolean, rest.first != "true", rest.first != "false" {
        value = "true"
      } else if let next = rest.first, !next.hasPrefix("--") {
        value = rest.removeFirst()
      } else {
        throw Failure("--\(option): no value follows; write --\(option) <value>")
      }
      try settings.add(Entry(key: name, value: value, origin: .commandLine))
    }
    return (settings, names)
  }
}
