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

  @Test("Names of files in code marks exist", arguments: try Document.pages())
  func files(document: Document) throws {
    guard document.path != "CHANGELOG.md" else { return }
    let folders = /(Sources|Plugins|Tests|Examples|Benchmarks|Documentation|Installation)\//
    for match in document.prose.joined(separator: "\n").matches(of: /`([^`\s]+)`/) {
      let path = String(match.output.1)
      guard path.prefixMatch(of: folders) != nil else { continue }
      let isPattern = path.contains("*") || path.contains("…") || path.contains("NAME")
      let file = Repository.root.appendingPathComponent(path).path
      #expect(isPattern || FileManager.default.fileExists(atPath: file), "\(path)")
    }
  }
}
