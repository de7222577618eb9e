import LossKit
public import LossKitLogits

/// The output head of a language model with the softmax over its vocabulary: computes log-probabilities from hidden states, and the
/// gradients of hidden states and weights, without holding the logits of all tokens in memory.
///
/// `evaluate` needs three matrix products if the loss is a sum over groups of rows that fit `logitBytes`, since it keeps a group's logits
/// until its loss is known. `score` and `addGradients` need four, since the logits are recomputed for the gradient; three if both use the
/// same `LinearHeadMemory` and the logits of all rows fit. Masked rows take part in no product.
public struct LinearHead {
  /// The address of the weights.
  public let weight: UnsafePointer<Float>
  /// The number of rows of the weights.
  public let vocabularySize: Int
  /// The number of columns of the weights and of the hidden states.
  public let hiddenSize: Int
  /// The maximum number of bytes of logits in memory at once, by default 64 MB. At least one row of logits is always held.
  public var logitBytes = 64 << 20
  /// The number of threads; 0 uses oneDNN's default.
  public var threads = 0
  /// The weights in bfloat16, for products in bfloat16; sums and logits are always floats. The memory must stay valid while the head is
  /// in use.
  package var roundedWeight: UnsafePointer<BFloat16Bits>?
  /// The number of floats that the memory at `weight` has room for.
  let weightCount: Int
  /// The limit c of a soft cap on the logits, c · tanh(logit / c); nil for none.
  package var logitCap: Float?

  /// A second distribution for each row, such as a frozen model's: another head with its own hidden states.
  public struct Reference {
    /// The reference's head, over the same vocabulary.
    public let head: LinearHead
    /// Its hidden states, as many rows as in the call.
    public let hidden: UnsafePointer<Float>

    /// Creates a reference. The hidden states are borrowed and must stay valid while the reference is in use.
    public init(head: LinearHead, hidden: UnsafePointer<Float>) {
      self.head = head
      self.hidden = hidden
    }
  }

  /// Creates a head with borrowed weights [vocabulary, hidden], which must stay valid while it is in use. Throws for sizes below 1 and
  /// for sizes that exceed the address space.
  public init(weight: UnsafePointer<Float>, vocabularySize: Int, hiddenSize: Int) throws {
    guard vocabularySize > 0, vocabularySize <= Int(Int32.max), hiddenSize > 0,
      let elements = Self.product(vocabularySize, hiddenSize), Self.product(elements, 4) != nil
    else {
      throw Failure(
        "linear head: invalid shape [\(vocabularySize), \(hiddenSize)] of the weights; both sizes must be at least 1, and their "
          + "product must fit the address space")
    }
    self.weight = weight
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    weightCount = elements
  }

  /// Creates a head with borrowed weights in bfloat16 alone; `weight` is the same memory.
  package init(rounded weight: UnsafePointer<BFloat16Bits>, vocabularySize: Int, hiddenSize: Int) throws {
    let memory = UnsafeRawPointer(weight).assumingMemoryBound(to: Float.self)
    let head = try LinearHead(weight: memory, vocabularySize: vocabularySize, hiddenSize: hiddenSize)
    self.weight = memory
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    weightCount = head.weightCount / 2
    roundedWeight = weight
  }

  /// Computes the log-probabilities of the labels after hidden states [tokens, hidden], and the divergences from a reference, if given.
  ///
  /// Throws, naming the row, for the same errors as `LogProbabilities`, and for a reference with another vocabulary.
  public func score(
    _ hidden: UnsafePointer<Float>, labels: TokenLabels, adding extras: LogProbabilities.Extras = [],
    reference: Reference? = nil, memory: LinearHeadMemory? = nil
  ) throws -> LogProbabilities {
    let rows = try countedRows(labels)
    try check(reference)
    var all = LogProbabilities(unscored: labels, adding: extras, hasReference: reference != nil)
    let (memory, tiles) = try prepare(memory, for: rows[...], reference)
    var tile = HeadTile(self, reference: reference, in: memory)
    try MatrixProducts.withThreads(threads) {
      for rows in tiles {
        try tile.load(rows, of: hidden)
        all.copy(try tile.score(labels, adding: extras), to: rows)
      }
    }
    if tiles.count == 1 { memory.kept = (tile, all.identify()) }
    return all
  }

  /// Adds the gradients of the hidden states and, unless `weightGradient` is nil, of the weights, given the gradient with respect to what
  /// `score` returned for the same hidden states, weights and reference. The memory of the gradients must not overlap anything else in the
  /// call.
  public func addGradients(
    of scored: LogProbabilities, from cotangent: LogProbabilityCotangent, hidden: UnsafePointer<Float>,
    reference: Reference? = nil, toHidden hiddenGradient: UnsafeMutablePointer<Float>,
    toWeight weightGradient: UnsafeMutablePointer<Float>?, memory: LinearHeadMemory? = nil
  ) throws {
    let rows = try countedRows(scored.labels), count = scored.labels.values.count
    try checkMemory(hidden, reference, hiddenGradient, weightGradient, rowCount: count)
    try check(reference)
    try check(cotangent, scored.labels, rows: 0..<count, hasReference: reference != nil)
    func add(_ tile: HeadTile) throws {
      try tile.addGradients(
        of: scored, from: cotangent, offset: 0, toHidden: hiddenGradient, toWeight: weightGradient)
    }
    try MatrixProducts.withThreads(threads) {
      if let memory, let kept = memory.kept, scored.isIdentified(by: kept.identity) {
        memory.kept = nil
        return try add(kept.tile)
      }
      let (memory, tiles) = try prepare(memory, for: rows[...], reference)
      var tile = HeadTile(self, reference: reference, in: memory)
      for rows in tiles {
        try tile.load(rows, of: hidden)
        try add(tile)
      }
    }
  }

  /// Scores hidden states, calls `loss` for the gradient with respect to the scores, and adds the gradients of the hidden states and of
  /// the weights.
  ///
  /// The loss is a sum over groups of rows: group g has the rows `groups[g] ..< groups[g + 1]`, such as those of one prompt's responses;
  /// without groups, all rows are one group. `loss` is called for one or more groups at a time, in order, with their rows and the scores
  /// of all rows so far, and returns the gradient for those rows, one number for each. A group whose logits exceed `logitBytes` is scored
  /// first, and its logits are recomputed.
  ///
  /// Throws, naming the row, for the same errors as `LogProbabilities`, and rethrows errors of `loss`; the gradients of earlier groups
  /// have been added then.
  public func evaluate(
    _ hidden: UnsafePointer<Float>, labels: TokenLabels, adding extras: LogProbabilities.Extras = [],
    reference: Reference? = nil, groups: [Int]? = nil, toHidden hiddenGradient: UnsafeMutablePointer<Float>,
    toWeight weightGradient: UnsafeMutablePointer<Float>, memory: LinearHeadMemory? = nil,
    loss: (Range<Int>, LogProbabilities) throws -> LogProbabilityCotangent
  ) throws -> LogProbabilities {
    let counted = try countedRows(labels), count = labels.values.count
    try checkMemory(hidden, reference, hiddenGradient, weightGradient, rowCount: count)
    try check(reference)
    let hasReference = reference != nil
    var all = LogProbabilities(unscored: labels, adding: extras, hasReference: hasReference)
    let parts = try parts(groups ?? [0, count], counted: counted, rowCount: count, hasReference: hasReference)
    let memory = try prepare(memory, for: counted[...], reference).memory
    var tile = HeadTile(self, reference: reference, in: memory)
    try MatrixProducts.withThreads(threads) {
      for part in parts {
        let tiles = tiles(of: counted[part.counted], hasReference: hasReference)
        for rows in tiles {
          try tile.load(rows, of: hidden)
          all.copy(try tile.score(labels, adding: extras), to: rows)
        }
        let cotangent = try loss(part.rows, all)
        try check(cotangent, labels, rows: part.rows, hasReference: hasReference)
        for rows in tiles {
          if tiles.count > 1 { try tile.load(rows, of: hidden) }
          try tile.addGradients(
            of: all, from: cotangent, offset: part.rows.lowerBound, toHidden: hiddenGradient, toWeight: weightGradient)
        }
      }
    }
    return all
  }

  /// Returns memory with room for the tiles of some rows, and these tiles.
  private func prepare(
    _ memory: LinearHeadMemory?, for rows: ArraySlice<Int>, _ reference: Reference?
  ) throws -> (memory: LinearHeadMemory, tiles: [ArraySlice<Int>]) {
    let memory = try memory ?? LinearHeadMemory(), hasReference = reference != nil
    try memory.reserve(self, rows: min(rows.count, tileRows(hasReference: hasReference)), hasReference: hasReference)
    return (memory, tiles(of: rows, hasReference: hasReference))
  }
}
