import LossKit
public import LossKitLogits

/// The last matrix of a language model, with the softmax over its vocabulary: from hidden states to log-probabilities, and
/// from their gradient to those of both, without the logits of all tokens in memory.
///
/// `evaluate` needs three matrix products where the loss is a sum over groups of rows that fit `logitBytes`, for it keeps a
/// group's logits until its loss is known. `score` and `addGradients` need four, for logits are made again for the gradient;
/// or three with one `LinearHeadMemory` for both, where the logits of all rows fit.
/// Rows that do not count take part in no product.
public struct LinearHead {
  /// Where the weights are.
  public let weight: UnsafePointer<Float>
  /// The rows of the weights.
  public let vocabularySize: Int
  /// The columns of the weights and of the hidden states.
  public let hiddenSize: Int
  /// The most bytes of logits in memory at once; 64 MB where nothing else is set. A row of logits is held in any case.
  public var logitBytes = 64 << 20
  /// The threads to use; 0 for as many as oneDNN takes by itself.
  public var threads = 0
  /// The weights in bfloat16, where the products are to be made of such; sums and logits are floats in any case. They are to
  /// stay valid as long as the head is in use.
  package var roundedWeight: UnsafePointer<BFloat16Bits>?

  /// A second distribution of each row: another head over hidden states of its own, such as those of a frozen model.
  public struct Reference {
    /// The reference's head, over the same vocabulary.
    public let head: LinearHead
    /// Its hidden states, as many rows as the call's.
    public let hidden: UnsafePointer<Float>

    /// Hidden states of the caller's, which are to stay valid as long as the reference is in use.
    public init(head: LinearHead, hidden: UnsafePointer<Float>) {
      self.head = head
      self.hidden = hidden
    }
  }

  /// A head with weights [vocabulary, hidden] of the caller's, which are to stay valid as long as it is in use. Throws for
  /// sizes below 1 and for such that exceed the address space.
  public init(weight: UnsafePointer<Float>, vocabularySize: Int, hiddenSize: Int) throws {
    guard vocabularySize > 0, vocabularySize <= Int(Int32.max), hiddenSize > 0,
      let elements = Self.product(vocabularySize, hiddenSize), Self.product(elements, 4) != nil
    else {
      throw Failure(
        "linear head: weights of shape [\(vocabularySize), \(hiddenSize)] cannot be; both sizes are at least 1, and their "
          + "product fits the address space")
    }
    self.weight = weight
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
  }

  /// The log-probabilities of the labels after hidden states [tokens, hidden], and the divergences from a reference, if there
  /// is one.
  ///
  /// Throws, naming the row, for what `LogProbabilities` throws, and for a reference of another vocabulary.
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

  /// Adds the gradient of the hidden states and that of the weights, from the gradient with respect to what `score` returned
  /// for the same hidden states, weights and reference. The memory of both overlaps nothing else of the call.
  public func addGradients(
    of scored: LogProbabilities, from cotangent: LogProbabilityCotangent, hidden: UnsafePointer<Float>,
    reference: Reference? = nil, toHidden hiddenGradient: UnsafeMutablePointer<Float>,
    toWeight weightGradient: UnsafeMutablePointer<Float>, memory: LinearHeadMemory? = nil
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

  /// Scores hidden states, asks `loss` for the gradient with respect to the scores, and adds the gradients of the hidden
  /// states and of the weights.
  ///
  /// The loss is a sum over groups of rows: group g has the rows `groups[g] ..< groups[g + 1]`, such as those of one
  /// prompt's responses; without groups all rows are one. `loss` is called for one or more groups at a time, in order, with
  /// their rows and the scores of all rows so far, and returns the gradient for those rows, one number for each. A group
  /// whose logits exceed `logitBytes` is scored first and its logits are made again.
  ///
  /// Throws, naming the row, for what `LogProbabilities` throws, and what `loss` throws; the gradients of groups before it
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

  /// Memory with room for the tiles of some rows, and these tiles.
  private func prepare(
    _ memory: LinearHeadMemory?, for rows: ArraySlice<Int>, _ reference: Reference?
  ) throws -> (memory: LinearHeadMemory, tiles: [ArraySlice<Int>]) {
    let memory = try memory ?? LinearHeadMemory(), hasReference = reference != nil
    try memory.reserve(self, rows: min(rows.count, tileRows(hasReference: hasReference)), hasReference: hasReference)
    return (memory, tiles(of: rows, hasReference: hasReference))
  }
}
