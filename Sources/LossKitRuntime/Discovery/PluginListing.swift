/// What the libraries of a registry offer, and what is wrong with them.
public struct PluginListing: Sendable {
  /// Everything that is offered, by kind and name; a shadowed entry follows the one that shadows it.
  public let entries: [PluginEntryDescription]
  /// The files and directories that cannot be used, in the order in which they are searched.
  public let problems: [PluginProblem]
}

/// An entry that a library offers.
public struct PluginEntryDescription: Sendable, Equatable {
  /// The kinds of entries.
  public enum Kind: String, Sendable, CaseIterable {
    /// A loss per prompt.
    case loss
    /// A named objective.
    case objective
    /// A parameterization of the reward.
    case reward
    /// A source of log-probabilities.
    case policy
  }

  /// The kind of the entry.
  public let kind: Kind
  /// The name.
  public let name: String
  /// The version of the component, policy or objective.
  public let version: String
  /// A summary in one sentence.
  public let summary: String
  /// Whether its gradients are finite differences, not exact.
  public let hasNumericGradient: Bool
  /// The file it comes from.
  public let library: String
  /// The file whose entry of the same name is used instead of this one, if any.
  public let shadowedBy: String?
  /// The other files of the same directory that claim the name, at most four; if there are any, the name cannot be
  /// used.
  public let conflictsWith: [String]
}

/// A file or directory of the search path that cannot be used.
public struct PluginProblem: Sendable, Equatable {
  /// The file or directory.
  public let path: String
  /// What is wrong. Begins with the path, except if the problem lies in the name alone.
  public let message: String
}
