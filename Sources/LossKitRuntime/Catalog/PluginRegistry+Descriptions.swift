import LossKit

extension PluginRegistry {
  /// The descriptions of everything with a name, which a loss, a reward and a policy can share.
  ///
  /// Throws for a name that nobody has, with the nearest ones and with what is wrong in the search path, and for one that is
  /// claimed twice.
  package func descriptions(named name: String) throws -> [ComponentDescription] {
    let listing = listing
    let kinds = listing.entries.filter { $0.name == name && $0.shadowedBy == nil }.map(\.kind)
    guard !kinds.isEmpty else {
      throw Failure(unknownNameMessage(name, kind: "name", known: listing.entries.map(\.name)))
    }
    return try kinds.map { kind in
      switch kind {
      case .loss: try ComponentDescription(component(named: name, kind: .loss), in: self)
      case .reward: try ComponentDescription(component(named: name, kind: .reward), in: self)
      case .policy: try ComponentDescription(policyType(named: name))
      case .objective: try ComponentDescription(objective(named: name), in: self)
      }
    }
  }
}
