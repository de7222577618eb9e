import Foundation
import LossKit
import Testing

@testable import LossKitRuntime

/// The declared flags of the built components; `losskit check` tests whether they are true.
@Suite struct FlagTests {
  /// A method is a file and a line of the package's list.
  @Test(arguments: [("Losses", Tested.losses.count), ("Rewards", Tested.rewards.count)])
  func everyFileOfTheCatalogueIsListedAndFound(folder: String, built: Int) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    let files = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "Plugins/\(folder)").path)
    let package = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
    let list = try #require(package.firstRange(of: "let \(folder.lowercased()) = ["))
    let listed = package[list.upperBound...].prefix { $0 != "]" }.matches(of: #/"(\w+)"/#).map { String($0.1) }
    #expect(Set(files) == Set(listed.map { $0 + ".swift" }))
    #expect(listed == listed.sorted { $0.lowercased() < $1.lowercased() })
    #expect(built == files.count)
  }

  @Test func theBuiltOnesSayWhatTheirFormulasSay() throws {
    let registry = try BuiltPlugins.registry()
    func losses(_ flag: (LoadedComponent) -> Bool) throws -> [String] {
      try ["aot", "bco", "cal-dpo", "dpo", "hinge", "ipo", "sft"].filter {
        flag(try registry.component(named: $0, kind: .loss))
      }
    }
    #expect(try losses(\.isRowwise) == ["cal-dpo", "dpo", "hinge", "ipo"])
    #expect(try losses(\.isShiftInvariant) == ["aot", "dpo", "hinge", "ipo", "sft"])
    let rewards = try ["log-probability", "log-ratio", "mean-log-probability", "mean-log-ratio"].filter {
      try registry.component(named: $0, kind: .reward).isZeroAtReference
    }
    #expect(rewards == ["log-ratio", "mean-log-ratio"])
  }
}
