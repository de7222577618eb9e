import LossKit
import LossKitRuntime

/// The table of all available methods, for documents; each row comes from a plugin's own description.
struct MethodTable {
  /// The table in Markdown.
  let text: String

  /// Looks up every available entry. Throws if one cannot be resolved.
  init(_ listing: PluginListing, in registry: PluginRegistry) throws {
    let header = ["name", "kind", "needs", "default β", "source", "verified against"]
    let rows = try listing.entries.filter { $0.shadowedBy == nil && $0.conflictsWith.isEmpty }.map {
      try Self.row($0, in: registry)
    }
    text = ([header, header.map { _ in "---" }] + rows).map { cells in
      "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }.joined()
  }

  private static func row(_ entry: PluginEntryDescription, in registry: PluginRegistry) throws -> [String] {
    let name = "`\(entry.name)`"
    switch entry.kind {
    case .loss:
      let loss = try registry.component(named: entry.name, kind: .loss)
      let objective = try Objective(entry.name, in: registry)
      return [
        name, "loss", words(objective.requirements), scale(of: objective), loss.citation, verified(loss.documentation),
      ]
    case .objective:
      let named = try registry.objective(named: entry.name)
      let objective = try Objective(entry.name, in: registry)
      return [
        name, "objective", words(objective.requirements), scale(of: objective), named.citation,
        verified(named.documentation),
      ]
    case .reward:
      let reward = try registry.component(named: entry.name, kind: .reward)
      return [name, "reward", words(reward.requirements), "–", reward.citation, verified(reward.documentation)]
    case .policy:
      let policy = try registry.policyType(named: entry.name)
      return [name, "policy", "–", "–", policy.citation, verified(policy.documentation)]
    }
  }

  private static func words(_ requirements: [String]) -> String {
    requirements.isEmpty ? "–" : requirements.joined(separator: ", ")
  }

  /// The first β of the objective's terms.
  private static func scale(of objective: Objective) -> String {
    for term in objective.terms {
      let parameters = term.loss.component.parameters
      let index = parameters.firstIndex(where: \.isRewardScale) ?? parameters.firstIndex { $0.symbol == "\\beta" }
      if let index { return roundTripDecimal(term.loss.values[index]) }
    }
    return "–"
  }

  private static func verified(_ documentation: String) -> String {
    let documentation = Documentation(documentation)
    guard let text = documentation.verifiedAgainst else { return "not verified" }
    return text + (documentation.hasUnverifiedParts ? " (in part)" : "")
  }
}
