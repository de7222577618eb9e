public import CLossKit

/// The prompts and responses of a call, in UTF-8; valid only during the call.
public struct TextBatch {
  let texts: losskit_texts

  /// Borrows texts that the caller keeps alive.
  public init(_ texts: losskit_texts) { self.texts = texts }

  /// The number of prompts, G.
  public var promptCount: Int { texts.prompts }
  /// The largest number of responses of a prompt, K.
  public var responseCount: Int { texts.responses }

  /// How many responses a prompt has, 1...K.
  public func responseCount(ofPrompt prompt: Int) -> Int { texts.shape().responseCount(ofPrompt: prompt) }

  /// The UTF-8 of a prompt.
  public func prompt(_ prompt: Int) -> UnsafeRawBufferPointer {
    let text = texts.prompt[prompt]
    return UnsafeRawBufferPointer(start: text.bytes, count: text.length)
  }

  /// The UTF-8 of a prompt's response of rank `rank`; rank 0 is the best.
  public func response(_ rank: Int, ofPrompt prompt: Int) -> UnsafeRawBufferPointer {
    let text = texts.response[texts.shape().row(rank, ofPrompt: prompt)]
    return UnsafeRawBufferPointer(start: text.bytes, count: text.length)
  }
}

/// The columns that a forward call writes, or whose gradients a backward call reads; valid only during the call.
public struct PolicyBatch {
  let frame: UnsafePointer<losskit_policy_frame>
  let columns: [Column]

  init(frame: UnsafePointer<losskit_policy_frame>, columns: [Column]) {
    self.frame = frame
    self.columns = columns
  }

  /// The prompts and responses.
  public var texts: TextBatch { TextBatch(frame.pointee.texts) }

  /// The start of each response's tokens in a per-token column, K·G + 1 entries; nil if no per-token column is requested.
  public var tokenOffsets: UnsafeBufferPointer<Int>? {
    shape.tokenOffsets.map { UnsafeBufferPointer(start: $0, count: shape.rows + 1) }
  }

  /// The number of references in the call.
  public var referenceCount: Int { frame.pointee.reference_count }

  /// A reference policy of the same type. Throws if the call has none of this index.
  public func reference<P: LogProbabilityProvider>(_ index: Int, as type: P.Type = P.self) throws -> P {
    guard index < referenceCount, let instance = frame.pointee.references[index] else {
      throw Failure("\(P.name): reference \(index) is missing: the call brings \(referenceCount)")
    }
    return try PolicyExport<P>.provider(of: instance)
  }

  /// The buffer for a column, [K·G] or [T] values; nil if the column is not requested.
  public func values(of column: Column) -> UnsafeMutableBufferPointer<Double>? {
    guard let index = position(of: column), let values = frame.pointee.values?[index] else { return nil }
    return UnsafeMutableBufferPointer(start: values, count: shape.count(of: column))
  }

  /// The gradient of a column, in the layout of its values; nil if there is none.
  public func gradient(of column: Column) -> UnsafeBufferPointer<Double>? {
    guard let index = position(of: column), let gradient = frame.pointee.gradients?[index] else { return nil }
    return UnsafeBufferPointer(start: gradient, count: shape.count(of: column))
  }

  private func position(of column: Column) -> Int? {
    (0..<frame.pointee.column_count).first { columns[Int(frame.pointee.columns[$0])].name == column.name }
  }

  private var shape: BatchShape {
    frame.pointee.texts.shape(references: frame.pointee.reference_count, tokenOffsets: frame.pointee.token_offsets)
  }
}
