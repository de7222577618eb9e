import LossKitRuntime
import LossKitTraining

/// All keys of a command that makes runs.
struct RunSchema {
  let keys: [RunKey]
  /// Whether there are several objectives and a start, so that a key of the training may be meant for some of them only.
  let isComparison: Bool

  static let train = RunSchema(keys: RunKey.train, isComparison: false)
  static let compare = RunSchema(keys: RunKey.compare, isComparison: true)

  /// How the keys of the training begin that are the shared start's.
  static let startPrefix = "start_"

  /// The key of the training that a name stands for, one of the shared start included.
  func trainingKey(_ name: String) -> ConfigurationKey? {
    let own = TrainingConfiguration.keys.first { $0.name == name }
    guard own == nil, isComparison, name.hasPrefix(Self.startPrefix) else { return own }
    return TrainingConfiguration.keys.first { Self.startPrefix + $0.name == name }
  }

  /// The names under which recipes know all keys.
  var names: [String] {
    let training = TrainingConfiguration.keys.map(\.name)
    return keys.map(\.name) + training + (isComparison ? training.map { Self.startPrefix + $0 } : [])
  }
}

extension RunKey {
  /// The option of a key of the training, or of a hyperparameter.
  static func option(of name: String) -> String { name.replacing("_", with: "-") }
}
