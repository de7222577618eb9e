import LossKit

/// What all libraries offer, by name: who has a name, whom it shadows, who quarrels over it.
struct PluginIndex {
  /// One thing that a library offers.
  enum Item {
    case component(LoadedComponent)
    case policyType(LoadedPolicyType)
    case objective(LoadedObjective)
  }

  /// Losses and objectives both stand in the place of a term, so they share their names.
  enum Space: Hashable {
    case term, reward, policy
  }

  private struct Key: Hashable {
    let space: Space
    let name: String
  }

  /// Everybody who claims a name. More than one contender is a conflict; the shadowed ones come from later directories.
  private struct Claim {
    let group: Int
    var contenders: [Item]
    var shadowed: [Item] = []
  }

  private var claims: [Key: Claim] = [:]

  /// An index of groups of libraries; a group's libraries have equal rank, an earlier group wins over a later one.
  init(_ groups: [[PluginLibrary]]) {
    var seen: Set<ObjectIdentifier> = []
    for (rank, group) in groups.enumerated() {
      for library in group where seen.insert(ObjectIdentifier(library)).inserted {
        for item in library.items { add(item, group: rank) }
      }
    }
  }

  /// Who has the name, or nil. Throws where two libraries of one rank claim it.
  func item(_ name: String, in space: Space) throws -> Item? {
    guard let claim = claims[Key(space: space, name: name)] else { return nil }
    guard claim.contenders.count == 1 else {
      throw Failure(
        "\(name): claimed by \(claim.contenders.map { "the \($0.kind) of \($0.library)" }.joined(separator: " and by "))"
          + "; take one of the files away, or put it into a directory of its own")
    }
    return claim.contenders.first
  }

  /// The names of these kinds that can be used.
  func names(where matches: (PluginEntryDescription.Kind) -> Bool) -> [String] {
    claims.filter { _, claim in
      claim.contenders.count == 1 && claim.contenders.contains { matches($0.kind) }
    }.map(\.key.name)
  }

  /// All entries, by kind and name.
  var entries: [PluginEntryDescription] {
    let order = Dictionary(
      uniqueKeysWithValues: PluginEntryDescription.Kind.allCases.enumerated().map { ($1, $0) })
    func rank(_ claim: Claim) -> Int { claim.contenders.first.flatMap { order[$0.kind] } ?? 0 }
    let sorted = claims.sorted { (rank($0.value), $0.key.name) < (rank($1.value), $1.key.name) }
    return sorted.flatMap { _, claim in
      claim.contenders.indices.map { index in
        let others = claim.contenders.indices.filter { $0 != index }.map { claim.contenders[$0].library }
        return claim.contenders[index].description(conflictsWith: others)
      } + claim.shadowed.map { $0.description(shadowedBy: claim.contenders.first?.library) }
    }
  }

  private mutating func add(_ item: Item, group: Int) {
    let key = Key(space: item.space, name: item.name)
    guard let claim = claims[key] else {
      claims[key] = Claim(group: group, contenders: [item])
      return
    }
    if claim.group == group {
      claims[key]?.contenders.append(item)
    } else {
      claims[key]?.shadowed.append(item)
    }
  }
}

extension PluginLibrary {
  fileprivate var items: [PluginIndex.Item] {
    components.map { .component($0) } + policyTypes.map { .policyType($0) } + objectives.map { .objective($0) }
  }
}

extension PluginIndex.Item {
  var kind: PluginEntryDescription.Kind {
    switch self {
    case .component(let component): component.kind == .loss ? .loss : .reward
    case .policyType: .policy
    case .objective: .objective
    }
  }

  var space: PluginIndex.Space {
    switch kind {
    case .loss, .objective: .term
    case .reward: .reward
    case .policy: .policy
    }
  }

  var name: String {
    switch self {
    case .component(let component): component.name
    case .policyType(let type): type.name
    case .objective(let objective): objective.name
    }
  }

  var library: String {
    switch self {
    case .component(let component): component.library
    case .policyType(let type): type.library
    case .objective(let objective): objective.library
    }
  }

  private var hasNumericGradient: Bool {
    if case .component(let component) = self { component.hasNumericGradient } else { false }
  }

  fileprivate func description(
    shadowedBy: String? = nil, conflictsWith: [String] = []
  ) -> PluginEntryDescription {
    let (version, summary) =
      switch self {
      case .component(let component): (component.version, component.summary)
      case .policyType(let type): (type.version, type.summary)
      case .objective(let objective): (objective.version, objective.summary)
      }
    return PluginEntryDescription(
      kind: kind, name: name, version: version, summary: summary, hasNumericGradient: hasNumericGradient,
      library: library, shadowedBy: shadowedBy, conflictsWith: conflictsWith)
  }
}
