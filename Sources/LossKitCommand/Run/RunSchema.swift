import LossKitRuntime
import LossKitTraining

/// All keys of a command that makes runs.
struct RunSchema {
  let keys: [RunKey]
  /// Whether there are several objectives and a start, so that a training key may apply to some of them only.
  let isComparison: Bool

  static let train = RunSchema(keys: RunKey.train, isComparison: false)
  static let compare = RunSchema(keys: RunKey.compare, isComparison: true)

  /// The prefix of training keys for the shared start.
  static let startPrefix = "start_"

  /// The training key of a name, which may have the start's prefix.
  func trainingKey(_ name: String) -> ConfigurationKey? {
    let own = TrainingConfiguration.keys.first { $0.name == name }
    guard own == nil, isComparison, name.hasPrefix(Self.startPrefix) else { return own }
    return TrainingConfiguration.keys.first { Self.startPrefix + $0.name == name }
  }

  /// The names of all keys in recipes.
  var names: [String] {
    let training = TrainingConfiguration.keys.map(\.name)
    return keys.map(\.name) + training + (isComparison ? training.map { Self.startPrefix + $0 } : [])
  }
}

extension RunKey {
  /// The option for a training key or a hyperparameter.
  static func option(of name: String) -> String { name.replacing("_", with: "-") }
}
