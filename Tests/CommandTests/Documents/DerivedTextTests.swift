import Foundation
import Testing

/// Generated text in documents is up to date.
@Suite("Derived text")
struct DerivedTextTests {
  @Test("Methods.md and the generated parts of README.md are what make docs writes")
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

  @Test("The site builds, without a warning and with a comment on every public symbol")
  func site() throws {
    let place = try Workplace()
    let script = Repository.root.appendingPathComponent("Documentation/site.py").path
    let outcome = try Tool.shell("python3 '\(script)' swift '\(Tool.directory())' '\(place.path("site"))'")
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
    for page in ["overview", "overview/architecture", "losskit/pairwiseloss", "losskitruntime/objective"] {
      #expect(place.exists("site/documentation/\(page)/index.html"))
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

  @Test("Architecture.md lists the modules of the package with their dependencies")
  func modules() throws {
    let place = try Workplace()
    let outcome = try Tool.shell(
      "swift package --package-path '\(Repository.root.path)' --scratch-path '\(place.path("build"))' dump-package")
    let package = try #require(try json(outcome.output) as? [String: Any], "\(outcome.error)")
    let targets = try #require(package["targets"] as? [[String: Any]])
    var uses: [String: Set<String>] = [:]
    for target in targets where target["type"] as? String != "test" {
      // Plugins have a target each, and are listed in Methods.md.
      guard !(target["path"] as? String ?? "").hasPrefix("Plugins/"), let name = target["name"] as? String else {
        continue
      }
      let dependencies = try #require(target["dependencies"] as? [[String: Any]])
      uses[name] = Set(dependencies.compactMap { ($0["byName"] as? [Any])?.first as? String }).subtracting(["Yams"])
    }
    #expect(uses.count > 20)
    let lines = try Document("Documentation/Architecture.md").lines
    let start = try #require(lines.firstIndex { $0.hasPrefix("| target | uses |") })
    for row in lines[start...].dropFirst(2).prefix(while: { $0.hasPrefix("|") }) {
      let cells = row.split(separator: "|").map { cell in cell.matches(of: /`(\w+)`/).map { String($0.output.1) } }
      for name in cells[0] {
        #expect(uses.removeValue(forKey: name) == Set(cells[1]), "the row of \(name) is not what Package.swift says")
      }
    }
    #expect(uses.isEmpty, "Architecture.md has no row for \(uses.keys.sorted())")
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
