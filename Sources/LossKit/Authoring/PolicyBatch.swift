public import CLossKit

/// The prompts and responses of a call, as UTF-8; valid only during the call.
public struct TextBatch {
  let texts: losskit_texts

  /// A view of texts that the caller keeps alive.
  public init(_ texts: losskit_texts) { self.texts = texts }

  /// The number of prompts, G.
  public var promptCount: Int { texts.prompts }
  /// The most responses a prompt has, K.
  public var responseCount: Int { texts.responses }

  /// How many responses a prompt has, 1...K.
  public func responseCount(ofPrompt prompt: Int) -> Int {
    texts.counts.map { Int($0[prompt]) } ?? texts.responses
  }

  /// The UTF-8 of a prompt.
  public func prompt(_ prompt: Int) -> UnsafeRawBufferPointer {
    let text = texts.prompt[prompt]
    return UnsafeRawBufferPointer(start: text.bytes, count: text.length)
  }

  /// The UTF-8 of a prompt's response of rank `rank`, 0 the best.
  public func response(_ rank: Int, ofPrompt prompt: Int) -> UnsafeRawBufferPointer {
    let text = texts.response[rank * texts.prompts + prompt]
    return UnsafeRawBufferPointer(start: text.bytes, count: text.length)
  }
}

/// What a forward call is to write, and what a backward call is given; valid only during the call.
public struct PolicyBatch {
  let frame: UnsafePointer<losskit_policy_frame>
  let columns: [Column]

  init(frame: UnsafePointer<losskit_policy_frame>, columns: [Column]) {
    self.frame = frame
    self.columns = columns
  }

  /// The prompts and responses.
  public var texts: TextBatch { TextBatch(frame.pointee.texts) }

  /// Where each response's tokens start in a per-token column, K·G + 1 entries; nil where none is asked for.
  public var tokenOffsets: UnsafeBufferPointer<Int>? {
    frame.pointee.token_offsets.map {
      UnsafeBufferPointer(start: $0, count: frame.pointee.texts.prompts * frame.pointee.texts.responses + 1)
    }
  }

  /// The number of references to compare with.
  public var referenceCount: Int { frame.pointee.reference_count }

  /// A reference of the same type.
  public func reference<P: LogProbabilityProvider>(_ index: Int, as type: P.Type = P.self) throws -> P {
    guard index < referenceCount, let instance = frame.pointee.references[index] else {
      throw Failure("\(P.name): reference \(index) is missing: the call brings \(referenceCount)")
    }
    return try PolicyExport<P>.provider(of: instance)
  }

  /// Where to write a column, [K·G] or [T] values; nil where it is not asked for.
  public func values(of column: Column) -> UnsafeMutableBufferPointer<Double>? {
    guard let index = position(of: column), let values = frame.pointee.values?[index] else { return nil }
    return UnsafeMutableBufferPointer(start: values, count: count(of: column))
  }

  /// The gradient of a column, as laid out as its values; nil where there is none.
  public func gradient(of column: Column) -> UnsafeBufferPointer<Double>? {
    guard let index = position(of: column), let gradient = frame.pointee.gradients?[index] else { return nil }
    return UnsafeBufferPointer(start: gradient, count: count(of: column))
  }

  private func position(of column: Column) -> Int? {
    (0..<frame.pointee.column_count).first { columns[Int(frame.pointee.columns[$0])].name == column.name }
  }

  private func count(of column: Column) -> Int {
    let frame = frame.pointee
    let rows = frame.texts.prompts * frame.texts.responses
    let extent =
      switch column.extent {
      case .prompt: frame.texts.prompts
      case .response: rows
      case .token: frame.token_offsets.map { $0[rows] } ?? 0
      }
    return column.isPerReference ? extent * frame.reference_count : extent
  }
}
