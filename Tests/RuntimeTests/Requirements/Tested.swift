import Testing

@testable import LossKitRuntime

/// The losses and rewards that were built, by kind and name: the subjects of the requirements on objectives.
struct Tested: Sendable, CustomTestStringConvertible {
  let kind: LoadedComponent.Kind
  let name: String

  static let losses = BuiltPlugins.names(.loss).map { Tested(kind: .loss, name: $0) }
  static let rewards = BuiltPlugins.names(.reward).map { Tested(kind: .reward, name: $0) }
  static let all = losses + rewards

  var testDescription: String { "\(kind) \(name)" }

  func load() throws -> LoadedComponent { try BuiltPlugins.registry().component(named: name, kind: kind) }

  /// A distinct seed, equal in every run.
  var seed: UInt64 { name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 } }
}
