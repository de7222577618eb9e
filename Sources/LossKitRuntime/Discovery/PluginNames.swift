import LossKit

/// What all libraries offer, by name: the owner of each name, what it shadows, and conflicts.
struct PluginNames {
  /// A library that claims a name, and its offer.
  struct Claimant {
    let offer: PluginOffer
    let library: KnownLibrary
  }

  /// A namespace. Losses and objectives can both be named as a term, so they share one.
  enum Space: Hashable {
    case term, reward, policy
  }

  private struct Key: Hashable {
    let space: Space
    let name: String
  }

  /// All claims to a name. More than one contender is a conflict; shadowed ones come from later directories.
  private struct Claim {
    let group: Int
    var contenders: [Claimant]
    var shadowed: [Claimant] = []
  }

  private var claims: [Key: Claim] = [:]

  /// How many of the other libraries in a conflict a message names.
  private static let mostNamed = 4

  /// Collects the names of groups of libraries: within a group all libraries rank equally; an earlier group shadows a
  /// later one.
  init(_ groups: [[KnownLibrary]]) {
    var seen: Set<FileIdentity> = []
    for (rank, group) in groups.enumerated() {
      for library in group where library.identity.map({ seen.insert($0).inserted }) ?? true {
        for offer in library.offers.offers { add(Claimant(offer: offer, library: library), group: rank) }
      }
    }
  }

  /// The owner of a name, or nil. Throws if two libraries of equal rank claim it.
  func claimant(of name: String, in space: Space) throws -> Claimant? {
    guard let contenders = claims[Key(space: space, name: name)]?.contenders else { return nil }
    guard contenders.count == 1 else {
      let rest = contenders.count - Self.mostNamed
      throw Failure(
        "\(name): claimed by \(contenders.prefix(Self.mostNamed).map(\.description).joined(separator: " and by "))"
          + (rest > 0 ? " and by \(rest) more" : "")
          + "; remove one of the files, or move it to another directory")
    }
    return contenders.first
  }

  /// The usable names of some kinds.
  func names(where matches: (PluginEntryDescription.Kind) -> Bool) -> [String] {
    claims.filter { _, claim in
      claim.contenders.count == 1 && claim.contenders.contains { matches($0.offer.kind) }
    }.map(\.key.name)
  }

  /// All entries, by kind and name.
  var entries: [PluginEntryDescription] {
    let order = Dictionary(
      uniqueKeysWithValues: PluginEntryDescription.Kind.allCases.enumerated().map { ($1, $0) })
    func rank(_ claim: Claim) -> Int { claim.contenders.first.flatMap { order[$0.offer.kind] } ?? 0 }
    let sorted = claims.sorted { (rank($0.value), $0.key.name) < (rank($1.value), $1.key.name) }
    return sorted.flatMap { _, claim in
      let named = claim.contenders.prefix(Self.mostNamed + 1).map(\.library.path)
      return claim.contenders.indices.map { index in
        let others = named.indices.filter { $0 != index }.prefix(Self.mostNamed).map { named[$0] }
        return claim.contenders[index].entry(conflictsWith: others)
      } + claim.shadowed.map { $0.entry(shadowedBy: claim.contenders.first?.library.path) }
    }
  }

  private mutating func add(_ claimant: Claimant, group: Int) {
    let key = Key(space: claimant.offer.kind.space, name: claimant.offer.name)
    switch claims[key]?.group {
    case nil: claims[key] = Claim(group: group, contenders: [claimant])
    case group: claims[key]?.contenders.append(claimant)
    default: claims[key]?.shadowed.append(claimant)
    }
  }
}

extension PluginNames.Claimant: CustomStringConvertible {
  var description: String { "the \(offer.kind) of \(library.path)" }

  fileprivate func entry(shadowedBy: String? = nil, conflictsWith: [String] = []) -> PluginEntryDescription {
    PluginEntryDescription(
      kind: offer.kind, name: offer.name, version: offer.version, summary: offer.summary,
      hasNumericGradient: offer.hasNumericGradient, library: library.path, shadowedBy: shadowedBy,
      conflictsWith: conflictsWith)
  }
}

extension PluginEntryDescription.Kind {
  var space: PluginNames.Space {
    switch self {
    case .loss, .objective: .term
    case .reward: .reward
    case .policy: .policy
    }
  }
}
