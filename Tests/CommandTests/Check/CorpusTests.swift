import Foundation
import LossKitRuntime
import Testing

/// Every fault of the corpus is found, and none harms a host that opens it with other plugins.
@Suite struct CorpusTests {
  @Test func everyFaultIsFoundByTheTestThatNamesIt() throws {
    #expect(Corpus.cases.count >= 100)
    let corpus = try Corpus()
    try corpus.build()
    let run = try CheckedRun(["check", corpus.path, "--time-limit", "1", "--json"])
    #expect(run.status == 1)
    for plugin in Corpus.cases {
      let results = run.results.filter { $0.library == corpus.library(plugin.name) }
      // All plugins here have the same name, which another test covers.
      let failed = results.filter { ["FAIL", "warning"].contains($0.outcome) && $0.test != "names" }
      if plugin.test == "nothing" {
        #expect(failed.isEmpty && !results.isEmpty, "\(plugin.name): \(failed)")
      } else {
        let finding = failed.first { $0.test == plugin.test }
        #expect(finding != nil, "\(plugin.name) is not found by \(plugin.test) but by \(failed.map(\.test))")
        #expect(finding?.detail.isEmpty == false && finding?.reproduce != nil, "\(plugin.name)")
        #expect(finding?.outcome == (Corpus.warnings.contains(plugin.name) ? "warning" : "FAIL"), "\(plugin.name)")
      }
    }
  }

  @Test func noneDoesHarmToTheGoodOnesBesideIt() throws {
    let corpus = try Corpus()
    // These end the process that opens them, or block it.
    let ending: Set = [
      "abort_in_entry", "crash_in_entry", "crash_on_open", "exit_on_open", "loop_in_entry", "wild_pointer",
      "says_why_it_aborts",
    ]
    try corpus.build()
    let list = try Tool.run(["list", "--plugin-path", corpus.path])
    #expect(list.status == 0)
    #expect(list.output.contains("cal-dpo"))
    for name in ending {
      let library = corpus.library(name)
      #expect(list.error.contains("not usable: \(library): when it was opened, it "), "\(name)")
      #expect(list.error.contains("run 'losskit check \(library)'\n"), "\(name)")
    }
    // An illegal declaration is reported, and everything else is available; the names that it shares with others are not.
    let refused = Corpus.cases.filter { ["descriptor", "symbols"].contains($0.test) && !ending.contains($0.name) }
      .filter { !["empty_summary", "two_entries", "extra_export"].contains($0.name) }
    for plugin in refused {
      #expect(list.error.contains("not usable: \(corpus.library(plugin.name)): "), "\(plugin.name)")
    }
    let good = try Tool.run(
      ["evaluate", "--loss", "dpo(beta=0.1)", "--input", "-", "--output", "-", "--plugin-path", corpus.path],
      input:
        #"{"policy_chosen_logps": -10, "policy_rejected_logps": -12, "ref_chosen_logps": -11, "ref_rejected_logps": -11}"#
    )
    #expect(good.status == 0 && good.output.contains("0.59813"), "\(good.error)")
    let bad = try Tool.run(
      ["evaluate", "--loss", "subject", "--input", "-", "--plugin-path", corpus.path], input: "{}")
    #expect(bad.status == 69 && bad.error.contains("claimed by"), "\(bad.error)")
  }

  @Test func anIllegalDescriptionLeavesARegistryAsItWas() throws {
    let corpus = try Corpus()
    let refused = Corpus.cases.filter {
      $0.test == "descriptor" && !["wild_pointer", "empty_summary"].contains($0.name)
    }
    try corpus.build(Set(refused.map(\.name)))
    let registry = PluginRegistry(searchPath: try PluginSearchPath([Tool.directory()]))
    let before = registry.listing.entries
    for plugin in refused {
      #expect(throws: (any Error).self, "\(plugin.name)") { try registry.open(path: corpus.library(plugin.name)) }
    }
    #expect(registry.listing.entries == before)
    #expect(try Objective("cal-dpo", in: registry).terms.count == 1)
  }
}
