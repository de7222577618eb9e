import Foundation
import Testing

/// What documents derive from the product is what the product says.
@Suite("Derived text")
struct DerivedTextTests {
  @Test("Methods.md and what README.md derives are what make docs writes")
  func generated() throws {
    let place = try Workplace()
    let documents = ["README.md", "Documentation/Methods.md", "Documentation/Benchmarks.md"]
    _ = try place.makeDirectory("Documentation")
    for path in documents { try place.write(Repository.text(path), as: path) }
    let generator = Repository.root.appendingPathComponent("Documentation/generate.py").path
    let outcome = try Tool.shell("python3 '\(generator)' \"$LOSSKIT\" '\(place.path(""))'")
    try #require(outcome.status == 0, "\(outcome.error)")
    for path in documents {
      #expect(try place.text(path) == Repository.text(path), "\(path) is out of date; run 'make docs'")
    }
  }

  @Test("README.md is one short page")
  func length() throws {
    #expect(try Document("README.md").lines.count < 250)
  }

  @Test("README.md leads to every page of Documentation", arguments: try Document.pages())
  func index(page: Document) throws {
    guard page.path != "README.md" else { return }
    #expect(try Repository.text("README.md").contains("](\(page.path))"))
  }

  @Test("The modules of Architecture.md are those of the package")
  func modules() throws {
    let place = try Workplace()
    let outcome = try Tool.shell(
      "swift package --package-path '\(Repository.root.path)' --scratch-path '\(place.path("build"))' dump-package")
    let package = try #require(try json(outcome.output) as? [String: Any], "\(outcome.error)")
    let targets = try #require(package["targets"] as? [[String: Any]])
    let names = targets.filter { target in
      // The components are a folder each, with one line there for all; they are in Methods.md.
      let path = target["path"] as? String ?? ""
      return target["type"] as? String != "test" && !path.hasPrefix("Plugins/")
    }.compactMap { $0["name"] as? String }
    let rows = try Document("Documentation/Architecture.md").lines.filter { $0.hasPrefix("| `") }
    let described = rows.compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) }
    #expect(names.count > 20 && Set(names).subtracting(described).isEmpty, "Architecture.md has no row for these")
    let modules = described.filter { $0.wholeMatch(of: /C?[A-Z]\w+/) != nil && !$0.contains("/") }
    #expect(Set(modules).subtracting(names).isEmpty, "Package.swift has none of these targets")
  }

  @Test("The quickstart's recipe is read, and its objectives resolve")
  func recipe() throws {
    let place = try Workplace()
    let recipe = Repository.root.appendingPathComponent("Examples/quickstart.yaml").path
    let outcome = try Tool.run([
      "compare", "--recipe", recipe, "--output", place.path("out"), "--train-size", "40", "--eval-size", "10",
      "--max-steps", "2", "--start-max-steps", "1", "--policy-set", "hidden_size=16", "--policy-set",
      "num_attention_heads=2",
    ])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.contains("cal-dpo"))
  }
}
