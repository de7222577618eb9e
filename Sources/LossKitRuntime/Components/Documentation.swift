/// A component's documentation, taken apart by the heads of its paragraphs.
///
/// Paragraphs are parted by an empty line. One that begins with "Published:", "Neighbors:" or "Elsewhere:" belongs under that head; one that begins
/// with "Verified against" or "Unverified:" says what the component was compared with; all others come first, as they are.
public struct Documentation: Sendable, Equatable {
  /// The paragraphs without a head, with an empty line between them; empty if there are none.
  public private(set) var text = ""
  /// Which values were published, and where.
  public private(set) var published: String?
  /// How it relates to others that are there.
  public private(set) var neighbors: String?
  /// How other libraries' variant of the name differs.
  public private(set) var elsewhere: String?
  /// What it was verified against, and what of it is not verified.
  public private(set) var verification: String?

  /// Takes a descriptor's documentation apart.
  public init(_ documentation: String) {
    var paragraphs: [String] = [""]
    for line in documentation.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.allSatisfy(\.isWhitespace) {
        paragraphs.append("")
      } else {
        paragraphs[paragraphs.count - 1] += (paragraphs[paragraphs.count - 1].isEmpty ? "" : "\n") + line
      }
    }
    for paragraph in paragraphs where !paragraph.isEmpty { add(paragraph) }
  }

  /// What it was verified against in few words: nil where that is nothing.
  public var verifiedAgainst: String? {
    guard let verification, verification.hasPrefix(Self.verified) else { return nil }
    let end = verification.firstRange(of: ". ")?.lowerBound ?? verification.endIndex
    let sentence = verification[verification.index(verification.startIndex, offsetBy: Self.verified.count)..<end]
    return String(sentence.hasSuffix(".") ? sentence.dropLast() : sentence)
  }

  /// Whether something of it is not verified.
  public var hasUnverifiedParts: Bool { verification.map { $0.contains(Self.unverified) } ?? true }

  private static let verified = "Verified against "
  private static let unverified = "Unverified:"

  private mutating func add(_ paragraph: String) {
    if let text = Self.text(of: paragraph, under: "Published:") {
      Self.append(text, to: &published)
    } else if let text = Self.text(of: paragraph, under: "Neighbors:") {
      Self.append(text, to: &neighbors)
    } else if let text = Self.text(of: paragraph, under: "Elsewhere:") {
      Self.append(text, to: &elsewhere)
    } else if paragraph.hasPrefix(Self.verified) || paragraph.hasPrefix(Self.unverified) {
      Self.append(paragraph, to: &verification)
    } else {
      text += (text.isEmpty ? "" : "\n\n") + paragraph
    }
  }

  private static func text(of paragraph: String, under head: String) -> String? {
    guard paragraph.hasPrefix(head) else { return nil }
    return String(paragraph.dropFirst(head.count).drop(while: \.isWhitespace))
  }

  private static func append(_ text: String, to section: inout String?) {
    section = section.map { $0 + "\n\n" + text } ?? text
  }
}
