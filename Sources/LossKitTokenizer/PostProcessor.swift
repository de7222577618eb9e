import LossKit

/// The special tokens that stand before and after a plain text.
struct PostProcessor {
  private(set) var before: [Int32] = []
  private(set) var after: [Int32] = []

  /// Adds what `post_processor` of a tokenizer says.
  mutating func read(_ part: TokenizerPart?) throws {
    guard let part else { return }
    switch try part.type {
    case "ByteLevel": return
    case "Sequence": for step in try part.parts("processors") { try read(step) }
    case "TemplateProcessing":
      let known = try part.part("special_tokens")
      var isBefore = true, added: [Int32] = []
      for piece in try part.parts("single") {
        if try piece.part("Sequence") != nil {
          before = added + before
          added = []
          isBefore = false
        } else if let token = try piece.part("SpecialToken") {
          let name = try token.string("id")
          guard let ids = try known?.part(name)?.list("ids") else {
            throw Failure("\(part.place): '\(name)' is not among its special_tokens")
          }
          added += try ids.map { try TokenizerPart.token($0, "\(part.place): special_tokens: \(name)") }
        }
      }
      if isBefore { throw part.unsupported("a template without the text") }
      after += added
    case let type: throw part.unsupported(type, known: "Sequence, ByteLevel and TemplateProcessing")
    }
  }
}
