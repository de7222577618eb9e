import LossKit

extension PluginRegistry {
  /// The cards of everything that has a name: a loss, a reward and a policy may share one.
  ///
  /// Throws for a name that nobody has, with the nearest ones and with what is wrong in the search path, and for one that is
  /// claimed twice.
  package func cards(named name: String) throws -> [Card] {
    let listing = listing
    let kinds = listing.entries.filter { $0.name == name && $0.shadowedBy == nil }.map(\.kind)
    guard !kinds.isEmpty else {
      throw Failure(unknownNameMessage(name, kind: "name", known: listing.entries.map(\.name)))
    }
    return try kinds.map { kind in
      switch kind {
      case .loss: try Card(component(named: name, kind: .loss), in: self)
      case .reward: try Card(component(named: name, kind: .reward), in: self)
      case .policy: try Card(policyType(named: name))
      case .objective: try Card(objective(named: name), in: self)
      }
    }
  }
}
