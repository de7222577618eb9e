/// An entry that a library offers, as far as it is known without opening the library.
struct PluginOffer: Sendable, Equatable {
  let kind: PluginEntryDescription.Kind
  let name: String
  let version: String
  let summary: String
  let hasNumericGradient: Bool
}

/// Everything that a library offers.
struct LibraryOffers: Sendable, Equatable {
  var offers: [PluginOffer] = []
  /// The file whose functions a manifest declares as components.
  var functionLibrary: String?
}

extension PluginLibrary {
  /// What it offers.
  var offers: LibraryOffers {
    LibraryOffers(offers: items.map(\.offer), functionLibrary: functionLibrary)
  }

  /// A component, policy or objective of an open library.
  enum Item {
    case component(LoadedComponent)
    case policyType(LoadedPolicyType)
    case objective(LoadedObjective)

    var offer: PluginOffer {
      switch self {
      case .component(let component):
        PluginOffer(
          kind: component.kind == .loss ? .loss : .reward, name: component.name, version: component.version,
          summary: component.summary, hasNumericGradient: component.hasNumericGradient)
      case .policyType(let type):
        PluginOffer(
          kind: .policy, name: type.name, version: type.version, summary: type.summary, hasNumericGradient: false)
      case .objective(let objective):
        PluginOffer(
          kind: .objective, name: objective.name, version: objective.version, summary: objective.summary,
          hasNumericGradient: false)
      }
    }
  }

  private var items: [Item] {
    components.map { .component($0) } + policyTypes.map { .policyType($0) } + objectives.map { .objective($0) }
  }

  /// The item that an offer refers to; nil if this library has no such item.
  func item(_ offer: PluginOffer) -> Item? {
    items.first { $0.offer.kind == offer.kind && $0.offer.name == offer.name }
  }
}
