import Foundation
import Testing

/// Links between the documents, and from them to files of the repository.
@Suite("Links")
struct LinkTests {
  @Test("Links and pictures lead to files and headings that exist", arguments: try Document.all())
  func resolve(document: Document) throws {
    let folder = Repository.root.appendingPathComponent(document.path).deletingLastPathComponent()
    for match in document.prose.joined(separator: "\n").matches(of: /\]\(([^()\s]+)\)/) {
      let target = String(match.output.1)
      if target.contains("://") { continue }
      let parts = target.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
      let file = parts[0].isEmpty ? document.path : folder.appendingPathComponent(parts[0]).path
      #expect(parts[0].isEmpty || FileManager.default.fileExists(atPath: file), "\(target)")
      guard parts.count == 2 else { continue }
      let text = try parts[0].isEmpty ? Repository.text(file) : String(contentsOfFile: file, encoding: .utf8)
      let headings = text.split(separator: "\n").filter { $0.hasPrefix("#") }.map { heading in
        heading.drop { $0 == "#" || $0 == " " }.lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
          .replacing(" ", with: "-")
      }
      #expect(headings.contains(parts[1]), "\(target)")
    }
  }

  @Test("Names of files in code marks exist", arguments: try Document.pages().filter { $0.path != "CHANGELOG.md" })
  func files(document: Document) throws {
    let folders = /(Sources|Plugins|Tests|Examples|Benchmarks|Documentation|Installation)\//
    for match in document.prose.joined(separator: "\n").matches(of: /`([^`\s]+)`/) {
      let name = String(match.output.1)
      if name.prefixMatch(of: folders) != nil {
        #expect(Repository.exists(name), "\(name)")
      } else if name.wholeMatch(of: /[\w+]+\.(swift|c|h|py)/) != nil {
        #expect(Self.fileNames.contains(name), "\(name)")
      }
    }
  }

  /// The names of all files in these folders.
  private static let fileNames = Set(
    ["Sources", "Plugins", "Tests", "Examples", "Benchmarks", "Documentation"].flatMap { folder in
      let files = FileManager.default.enumerator(atPath: Repository.root.appendingPathComponent(folder).path)
      return (files?.compactMap { ($0 as? String)?.split(separator: "/").last.map(String.init) }) ?? []
    })
}
