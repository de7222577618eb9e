/// A component's documentation, split by the headings of its paragraphs.
///
/// Paragraphs are separated by an empty line. Those that begin with "Published:", "Neighbors:" or "Elsewhere:" belong
/// under that heading; those that begin with "Verified against" or "Unverified:" say what the component was compared
/// with; all others come first, unchanged.
public struct Documentation: Sendable, Equatable {
  /// The paragraphs without a heading, separated by empty lines; empty if there are none.
  public private(set) var text = ""
  /// Which values were published, and where.
  public private(set) var published: String?
  /// How it relates to other components.
  public private(set) var neighbors: String?
  /// How variants of the same name in other libraries differ.
  public private(set) var elsewhere: String?
  /// What it was verified against, and what was not verified.
  public private(set) var verification: String?

  /// Splits a descriptor's documentation.
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

  /// What it was verified against, in short; nil if nothing.
  public var verifiedAgainst: String? {
    guard let verification, verification.hasPrefix(Self.verified) else { return nil }
    let end = verification.firstRange(of: ". ")?.lowerBound ?? verification.endIndex
    let sentence = verification[verification.index(verification.startIndex, offsetBy: Self.verified.count)..<end]
    return String(sentence.hasSuffix(".") ? sentence.dropLast() : sentence)
  }

  /// Whether parts of it are not verified.
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
