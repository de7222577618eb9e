import Foundation
import LossKitRuntime
import Testing

@Suite struct ListTests {
  private func listing(_ directories: [String]) throws -> PluginListing {
    PluginRegistry(searchPath: try PluginSearchPath(directories)).listing
  }

  @Test func everyPluginOfTheBuildIsListed() throws {
    let run = try Tool.run(["list"])
    let expected = try listing([Tool.directory()]).entries
    let rows = run.output.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: true) }
    #expect(run.status == 0 && run.error == "")
    #expect(rows.map { String($0[0]) } == expected.map(\.kind.rawValue))
    #expect(rows.map { String($0[1]) } == expected.map(\.name))
    #expect(rows.map { String($0[3]) } == expected.map { String($0.library.split(separator: "/").last ?? "") })
    for (row, entry) in zip(run.output.split(separator: "\n"), expected) { #expect(row.hasSuffix(entry.summary)) }
  }

  @Test func jsonHasEveryEntry() throws {
    let run = try Tool.run(["list", "--json"])
    let array = try #require(try json(run.output) as? [[String: Any]])
    let expected = try listing([Tool.directory()]).entries
    #expect(run.status == 0 && run.error == "")
    #expect(array.map { $0["name"] as? String } == expected.map(\.name))
    #expect(array.map { $0["library"] as? String } == expected.map(\.library))
    #expect(array.map { $0["summary"] as? String } == expected.map(\.summary))
    #expect(array.allSatisfy { $0["shadowed_by"] is NSNull && ($0["conflicts_with"] as? [String]) == [] })
  }

  @Test func aRenamedCopyInAnEarlierDirectoryShadowsTheOriginal() throws {
    let place = try Workplace()
    let first = try place.makeDirectory("first")
    let copy = try place.copy("libCalDPO.so", to: "first/librenamed.so")
    let run = try Tool.run(["list"], environment: ["LOSSKIT_PLUGIN_PATH": first])
    let lines = run.output.split(separator: "\n").filter { $0.contains("cal-dpo") }
    #expect(run.status == 0 && lines.count == 2)
    #expect(lines[0].contains("  librenamed.so  ") && !lines[0].contains("not used"))
    #expect(
      lines[1].contains("  libCalDPO.so ")
        && lines[1].contains("[not used: \(copy) has the same name and comes first]"))
    let described = try Tool.run(["describe", "cal-dpo"], environment: ["LOSSKIT_PLUGIN_PATH": first])
    #expect(described.output.contains("library           \(copy)\n"))
  }

  @Test func aPluginPathOptionComesBeforeTheEnvironment() throws {
    let place = try Workplace()
    let (option, variable) = (try place.makeDirectory("option"), try place.makeDirectory("variable"))
    let wanted = try place.copy("libDPO.so", to: "option/libA.so")
    try place.copy("libDPO.so", to: "variable/libB.so")
    let run = try Tool.run(
      ["describe", "dpo", "--plugin-path", option], environment: ["LOSSKIT_PLUGIN_PATH": variable])
    #expect(run.output.contains(" \(wanted)\n"))
  }

  @Test func twoLibrariesOfOneDirectoryThatClaimOneNameAreNamed() throws {
    let place = try Workplace()
    let directory = try place.makeDirectory("plugins")
    let (a, b) = (
      try place.copy("libDPO.so", to: "plugins/liba.so"), try place.copy("libDPO.so", to: "plugins/libb.so")
    )
    let list = try Tool.run(["list", "--plugin-path", directory])
    #expect(list.status == 0)
    #expect(list.output.contains("[cannot be used: also claimed by \(a)]"))
    #expect(list.output.contains("[cannot be used: also claimed by \(b)]"))
    let describe = try Tool.run(["describe", "dpo", "--plugin-path", directory])
    #expect(describe.status == 69 && describe.output == "")
    #expect(describe.error.contains(a) && describe.error.contains(b))
    let evaluate = try Tool.run(["evaluate", "--loss", "dpo", "--input", "-", "--plugin-path", directory])
    #expect(evaluate.status == 69)
    #expect(try Tool.run(["describe", "ipo", "--plugin-path", directory]).status == 0)
  }

  @Test func aPluginPathThatIsNotAbsoluteIsWrongUsage() throws {
    let run = try Tool.run(["list"], environment: ["LOSSKIT_PLUGIN_PATH": "plugins"])
    #expect(run.status == 64 && run.output == "")
    #expect(
      run.error
        == "losskit: error: LOSSKIT_PLUGIN_PATH: 'plugins' is not absolute; write directories from '/' on, with ':' "
        + "between them\n")
  }
}
