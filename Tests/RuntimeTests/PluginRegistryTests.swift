import LossKitRuntime
import Testing

@Suite struct PluginRegistryTests {
  let workshop: PluginWorkshop

  init() throws {
    workshop = try PluginWorkshop()
    try workshop.makeDirectory("a")
    try workshop.makeDirectory("b")
  }

  /// Builds a loss of that name and version.
  @discardableResult
  func loss(_ name: String, version: String = "1", at path: String, objective: String? = nil) throws -> String {
    var source = LossSource()
    source.name = "\"\(name)\""
    source.version = "\"\(version)\""
    if let objective {
      source.extra =
        "static const losskit_objective o = { \"\(objective)\", \"1\", \"s\", 0, 0, \"\(name) @ log-ratio\" };"
      source.objectives = "&o"
    }
    return try workshop.build(source.text, as: path)
  }

  func registry(_ directories: String...) throws -> PluginRegistry {
    PluginRegistry(searchPath: try PluginSearchPath(directories.map(workshop.path)))
  }

  @Test func lookupByKind() throws {
    try loss("toy", at: "a/libtoy.so", objective: "toy-objective")
    let registry = try registry("a")
    #expect(try registry.component(named: "toy", kind: .loss).name == "toy")
    #expect(try registry.objective(named: "toy-objective").expression.description == "toy @ log-ratio")
    guard case .loss = try registry.term(named: "toy"), case .objective = try registry.term(named: "toy-objective")
    else { return #expect(Bool(false), "a term is what its name says") }
    #expect(message { try registry.component(named: "toy-objective", kind: .loss) }.contains("is a named objective"))
    #expect(message { try registry.objective(named: "toy") }.contains("is a loss, not a named objective"))
    #expect(message { try registry.component(named: "toy", kind: .reward) } == "unknown reward 'toy'; there is none")
    #expect(message { try registry.policyType(named: "toy") } == "unknown policy 'toy'; there is none")
    #expect(message { try registry.term(named: "toyo") } == "unknown loss 'toyo'; did you mean 'toy'?")
  }

  @Test func namesComeFromDescriptorsNotFiles() throws {
    let original = try loss("toy", at: "a/libtoy.so")
    try workshop.write(workshop.read(original), as: "b/libcompletely-different.so")
    let component = try registry("b").component(named: "toy", kind: .loss)
    #expect(component.library == workshop.path("b/libcompletely-different.so"))
  }

  @Test func anEarlierDirectoryWinsAndTheListingSaysSo() throws {
    let first = try loss("toy", version: "1", at: "a/libtoy.so")
    let second = try loss("toy", version: "2", at: "b/librenamed.so")
    let forward = try registry("a", "b")
    #expect(try forward.component(named: "toy", kind: .loss).version == "1")
    #expect(try registry("b", "a").component(named: "toy", kind: .loss).version == "2")
    let entries = forward.listing.entries
    #expect(entries.map(\.library) == [first, second])
    #expect(entries.map(\.shadowedBy) == [nil, first])
    #expect(entries.allSatisfy { $0.conflictsWith.isEmpty && $0.kind == .loss && $0.name == "toy" })
  }

  @Test func twoLibrariesOfOneDirectoryThatClaimOneName() throws {
    let first = try loss("toy", at: "a/libone.so")
    let second = try workshop.write(workshop.read(first), as: "a/libtwo.so")
    try loss("other", at: "a/libother.so")
    try loss("toy", at: "b/libtoy.so")
    let registry = try registry("a", "b")
    #expect(
      message { try registry.component(named: "toy", kind: .loss) }
        == "toy: claimed by the loss of \(first) and by the loss of \(second); "
        + "remove one of the files, or move it to another directory")
    #expect(try registry.component(named: "other", kind: .loss).name == "other")
    let claims = registry.listing.entries.filter { $0.name == "toy" }
    #expect(claims.map(\.conflictsWith) == [[second], [first], []])
  }

  @Test func aLossAndAnObjectiveShareTheirNames() throws {
    try loss("toy", at: "a/libtoy.so", objective: "mine")
    try loss("mine", at: "a/libmine.so")
    let text = message { try registry("a").term(named: "mine") }
    #expect(text.contains("the loss of \(workshop.path("a/libmine.so"))"))
    #expect(text.contains("the objective of \(workshop.path("a/libtoy.so"))"))
  }

  @Test func theSameDirectoryTwiceIsNoConflict() throws {
    try loss("toy", at: "a/libtoy.so")
    let registry = try registry("a", "a")
    #expect(registry.listing.entries.count == 1)
    #expect(try registry.component(named: "toy", kind: .loss).name == "toy")
  }

  @Test func whatIsOpenedByHandComesFirst() throws {
    try loss("toy", version: "1", at: "a/libtoy.so")
    let mine = try loss("toy", version: "2", at: "b/libtoy.so")
    let registry = try registry("a")
    #expect(try registry.component(named: "toy", kind: .loss).version == "1")
    try registry.open(path: mine)
    try registry.open(path: mine)
    #expect(try registry.component(named: "toy", kind: .loss).version == "2")
    #expect(registry.listing.entries.map(\.shadowedBy) == [nil, mine])
  }

  @Test func twoOpenedByHandThatClaimOneName() throws {
    let registry = PluginRegistry()
    try registry.open(path: try loss("toy", at: "a/libtoy.so"))
    try registry.open(path: try loss("toy", at: "b/libtoy.so"))
    #expect(message { try registry.component(named: "toy", kind: .loss) }.contains("claimed by"))
  }

  @Test func whatCannotBeUsedIsAProblemNotACrash() throws {
    let good = try loss("toy", at: "a/libtoy.so")
    let content = try workshop.read(good)
    let cut = try workshop.write(Array(content.prefix(content.count / 2)), as: "a/libcut.so")
    let open = try workshop.write(content, as: "a/libopen.so")
    try workshop.setPermissions(0o757, of: open)
    let none = try workshop.build("int nothing;", as: "a/libnone.so")
    try workshop.write(Array("no library".utf8), as: "a/notes.txt")
    try workshop.write(Array("no library".utf8), as: "a/noprefix.so")
    let registry = try registry("a", "missing")
    let listing = registry.listing
    #expect(listing.problems.map(\.path) == [cut, none, open, workshop.path("missing")])
    #expect(listing.entries.map(\.name) == ["toy"])
    let text = message { try registry.component(named: "xyzzy", kind: .loss) }
    #expect(text.hasPrefix("unknown loss 'xyzzy'; there are: toy\nnot usable in the plugin path:\n  \(cut): truncated"))
    #expect(text.hasSuffix("\n  and 1 more"))
  }

  @Test func anAllowListHoldsForAll() throws {
    let path = try loss("toy", at: "a/libtoy.so")
    let digest = try PluginLibrary.open(path).digest()
    let searchPath = try PluginSearchPath([workshop.path("a")])
    #expect(PluginRegistry(searchPath: searchPath, allowedDigests: [digest]).listing.entries.count == 1)
    let strict = PluginRegistry(searchPath: searchPath, allowedDigests: [])
    #expect(strict.listing.entries.isEmpty && strict.listing.problems.count == 1)
    #expect(message { try strict.open(path: path) }.contains("not on the list of allowed ones"))
  }

  @Test func manyThreadsMayAskAtOnce() async throws {
    let path = try loss("toy", at: "a/libtoy.so", objective: "mine")
    let registry = try registry("a", "b")
    await withTaskGroup(of: Bool.self) { group in
      for task in 0..<32 {
        group.addTask {
          if task.isMultiple(of: 4) { _ = try? registry.open(path: path) }
          let component = try? registry.component(named: "toy", kind: .loss)
          return component?.library == path && registry.listing.entries.count == 2
        }
      }
      for await isRight in group { #expect(isRight) }
    }
  }

  @Test func anEmptyRegistryHasNothing() {
    #expect(PluginRegistry().listing.entries.isEmpty)
    #expect(
      message { try PluginRegistry().component(named: "dpo", kind: .loss) } == "unknown loss 'dpo'; there is none")
  }
}
