import LossKit
import LossKitRuntime
import Testing

@Suite struct DocumentationTests {
  private static func registry() throws -> PluginRegistry {
    PluginRegistry(searchPath: try PluginSearchPath([Tool.directory()]))
  }

  static func entries() throws -> [PluginEntryDescription] { try registry().listing.entries }

  @Test(
    "Every plugin documents its verification, its neighbors and published values",
    arguments: try entries())
  func sections(entry: PluginEntryDescription) throws {
    let registry = try Self.registry()
    let (documentation, hasNumbers): (String, Bool) =
      switch entry.kind {
      case .loss, .reward:
        try {
          let component = try registry.component(named: entry.name, kind: entry.kind == .loss ? .loss : .reward)
          return (component.documentation, component.parameters.contains { $0.kind == .real })
        }()
      case .objective: (try registry.objective(named: entry.name).documentation, true)
      case .policy: (try registry.policyType(named: entry.name).documentation, false)
      }
    let sections = Documentation(documentation)
    #expect(sections.verification != nil, "a paragraph begins with 'Verified against' or 'Unverified:'")
    #expect(sections.neighbors != nil || entry.kind == .policy, "a paragraph begins with 'Neighbors:'")
    #expect(sections.published != nil || !hasNumbers, "a paragraph begins with 'Published:'")
    #expect(sections.elsewhere != nil || entry.kind == .reward || entry.kind == .policy, "one begins with 'Elsewhere:'")
  }

  /// Names in backticks are components, or objectives that resolve.
  @Test("Names in documentation exist", arguments: try entries())
  func names(entry: PluginEntryDescription) throws {
    let registry = try Self.registry()
    let known = Set(registry.listing.entries.map(\.name))
    guard entry.kind == .loss, !known.isEmpty else { return }
    let text = try registry.component(named: entry.name, kind: .loss).documentation
    let sections = Documentation(text)
    let quoted = (sections.neighbors ?? "").split(separator: "`", omittingEmptySubsequences: false)
    for index in quoted.indices where index % 2 == 1 {
      let name = String(quoted[index])
      if known.contains(name) || name.contains("…") { continue }
      let values = name.replacing("β/2", with: "0.05").replacing("=ε", with: "=0.1")
      #expect(throws: Never.self, "`\(name)` in \(entry.name)") { try Objective(values, in: registry) }
    }
  }

  @Test func paragraphsAreTakenApartByTheirHeads() {
    let documentation = Documentation(
      """
      First.
      Second line.

      Published: β 1.

      Neighbors: `dpo`.

      Third.

      Verified against TRL 0.28, and more. Unverified: the rest.
      """)
    #expect(documentation.text == "First.\nSecond line.\n\nThird.")
    #expect(documentation.published == "β 1." && documentation.neighbors == "`dpo`." && documentation.elsewhere == nil)
    #expect(documentation.verifiedAgainst == "TRL 0.28, and more" && documentation.hasUnverifiedParts)
    #expect(Documentation("Unverified: all.").verifiedAgainst == nil && Documentation("").verification == nil)
  }
}
