import LossKit
import LossKitHead
import LossKitLogits
import Testing

/// The fused head, compared with its plain version.
struct HeadTests {
  private static let columns = 301
  private static let groups = [0, 5, 5, 17, 18, 37]

  private func sample(masked: Bool = true) throws -> (HeadSample, LogProbabilityCotangent) {
    var samples = LogitSamples(seed: 20)
    let labels = samples.labels(37, below: Self.columns)
    let mask = labels.indices.map { _ in samples.unit() > 0.3 }
    let sample = HeadSample(
      hidden: samples.rows(37, columns: 24, scale: 2), weight: samples.rows(Self.columns, columns: 24, scale: 1),
      labels: try TokenLabels(labels, mask: masked ? mask : nil))
    return (sample, samples.cotangent(37, divergences: false))
  }

  @Test(arguments: [1, 2, 5, 16, 37, 100], [true, false]) func everyTileSize(rows: Int, masked: Bool) throws {
    let (sample, cotangent) = try sample(masked: masked)
    let scores = try sample.run(logitRows: rows) { head, hidden, hiddenGradient, weightGradient in
      let scores = try head.score(hidden, labels: sample.labels, adding: [.entropy, .logCollision])
      try head.addGradients(
        of: scores, from: cotangent, hidden: hidden, toHidden: hiddenGradient, toWeight: weightGradient)
      return scores
    }
    sample.expectAgreement(scores, cotangent)
  }

  /// The gradients are the same whether logits of `score` are kept or recomputed, in fresh or reused memory.
  @Test(arguments: [5, 100]) func memoryIsReused(rows: Int) throws {
    let (sample, cotangent) = try sample()
    let memory = try LinearHeadMemory()
    for _ in 0..<2 {
      sample.clear()
      let scores = try sample.run(logitRows: rows) { head, hidden, hiddenGradient, weightGradient in
        let scores = try head.score(
          hidden, labels: sample.labels, adding: [.entropy, .logCollision], memory: memory)
        try head.addGradients(
          of: scores, from: cotangent, hidden: hidden, toHidden: hiddenGradient, toWeight: weightGradient,
          memory: memory)
        return scores
      }
      sample.expectAgreement(scores, cotangent)
    }
  }

  @Test func logitsOfOtherScoresAreNotTaken() throws {
    let (sample, cotangent) = try sample()
    let memory = try LinearHeadMemory()
    let scores = try sample.run { head, hidden, hiddenGradient, weightGradient in
      let scores = try head.score(hidden, labels: sample.labels, adding: [.entropy, .logCollision], memory: memory)
      _ = try head.score(hidden + 24, labels: TokenLabels([1]), memory: memory)
      try head.addGradients(
        of: scores, from: cotangent, hidden: hidden, toHidden: hiddenGradient, toWeight: weightGradient, memory: memory)
      return scores
    }
    sample.expectAgreement(scores, cotangent)
  }

  /// Divergences from another head with other hidden states.
  @Test(arguments: [1, 7, 100], [true, false]) func divergences(rows: Int, isEvaluated: Bool) throws {
    var samples = LogitSamples(seed: 21)
    let labels = try TokenLabels(
      samples.labels(37, below: Self.columns), mask: (0..<37).map { _ in samples.unit() > 0.3 })
    func half(columns: Int, scale: Double) -> HeadSample {
      HeadSample(
        hidden: samples.rows(37, columns: columns, scale: scale),
        weight: samples.rows(Self.columns, columns: columns, scale: 1), labels: labels)
    }
    let sample = half(columns: 24, scale: 1), other = half(columns: 16, scale: 0.5)
    let cotangent = samples.cotangent(37, divergences: true), memory = try LinearHeadMemory()
    let scores = try other.run { otherHead, otherHidden, _, _ in
      try sample.run(logitRows: rows) { head, hidden, hiddenGradient, weightGradient in
        let reference = LinearHead.Reference(head: otherHead, hidden: otherHidden)
        if isEvaluated {
          return try head.evaluate(
            hidden, labels: labels, adding: [.entropy, .logCollision], reference: reference,
            toHidden: hiddenGradient, toWeight: weightGradient, memory: memory
          ) { _, _ in cotangent }
        }
        let scores = try head.score(
          hidden, labels: labels, adding: [.entropy, .logCollision], reference: reference, memory: memory)
        try head.addGradients(
          of: scores, from: cotangent, hidden: hidden, reference: reference, toHidden: hiddenGradient,
          toWeight: weightGradient, memory: memory)
        return scores
      }
    }
    sample.expectAgreement(scores, cotangent, reference: other)
  }

  @Test func aReferenceOfAnotherVocabularyIsAnError() throws {
    let (sample, _) = try sample()
    let other = HeadSample(hidden: [[1]], weight: [[1], [2]], labels: try TokenLabels([0]))
    try other.run { otherHead, otherHidden, _, _ in
      let failure = sample.failure { head, hidden in
        _ = try head.score(
          hidden, labels: sample.labels, reference: LinearHead.Reference(head: otherHead, hidden: otherHidden))
      }
      #expect(failure.contains("301 classes, the reference's has 2"))
    }
  }

  /// Products in bfloat16, by oneDNN and expanded to floats: those of the rounded weights and hidden states, the gradients
  /// within the rounding of the slopes.
  @Test(arguments: [true, false], [5, 100]) func bfloat16(isNative: Bool, rows: Int) throws {
    let (sample, cotangent) = try sample()
    let rounded = sample.rounded()
    let memory = try LinearHeadMemory(isNative: isNative)
    let scores = try rounded.run(logitRows: rows) { head, hidden, hiddenGradient, weightGradient in
      try rounded.roundedWeight.withUnsafeBufferPointer { weight in
        var head = head
        head.roundedWeight = weight.baseAddress
        let scores = try head.score(
          hidden, labels: sample.labels, adding: [.entropy, .logCollision], memory: memory)
        try head.addGradients(
          of: scores, from: cotangent, hidden: hidden, toHidden: hiddenGradient, toWeight: weightGradient,
          memory: memory)
        return scores
      }
    }
    let plain = rounded.plain
    #expect(zip(scores.values, plain.scores.values).allSatisfy { abs($0 - $1) < 1e-5 * max(1, abs($1)) })
    let expected = plain.gradients(from: cotangent)
    for (found, expected) in [
      (rounded.added.hidden, expected.hidden.flatMap { $0 }), (rounded.added.weight, expected.weight.flatMap { $0 }),
    ] {
      let error = zip(found, expected).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
      let size = expected.reduce(0) { $0 + $1 * $1 }
      #expect(error.squareRoot() < 0x1p-8 * size.squareRoot() && error > 0)
    }
  }

  /// Kept or recomputed, in groups or all at once: the same gradients.
  @Test(arguments: [1, 3, 12, 20, 100], [nil, HeadTests.groups]) func evaluatesGroups(
    rows: Int, groups: [Int]?
  ) throws {
    let (sample, cotangent) = try sample()
    var calls: [Range<Int>] = []
    let scores = try sample.run(logitRows: rows) { head, hidden, hiddenGradient, weightGradient in
      try head.evaluate(
        hidden, labels: sample.labels, adding: [.entropy, .logCollision], groups: groups, toHidden: hiddenGradient,
        toWeight: weightGradient
      ) { rows, _ in
        calls.append(rows)
        return LogProbabilityCotangent(
          Array(cotangent.values[rows]), entropies: Array(cotangent.entropies[rows]),
          logCollisions: Array(cotangent.logCollisions[rows]))
      }
    }
    sample.expectAgreement(scores, cotangent)
    #expect(calls.first?.lowerBound == 0 && calls.last?.upperBound == 37)
    #expect(zip(calls, calls.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    let boundaries = Set(groups ?? [0, 37])
    #expect(calls.allSatisfy { boundaries.contains($0.lowerBound) && boundaries.contains($0.upperBound) })
  }

  @Test func rowsThatDoNotCountAreNotRead() throws {
    let sample = HeadSample(
      hidden: [[.nan, 1], [1, 2], [.infinity, 3], [3, 4]], weight: [[1, 0], [0, 1], [1, 1]],
      labels: TokenLabels(ignoringNegative: [-100, 2, -100, 0]))
    let scores = try sample.run { head, hidden, hiddenGradient, weightGradient in
      try head.evaluate(hidden, labels: sample.labels, toHidden: hiddenGradient, toWeight: weightGradient) { _, _ in
        LogProbabilityCotangent([.nan, 1, 0, 1])
      }
    }
    #expect(scores.values[0] == 0 && scores.values[2] == 0)
    #expect(scores.values[1] < 0)
    #expect(sample.added.hidden[0..<2] == [0, 0])
    #expect(sample.added.weight.allSatisfy { $0.isFinite })
  }

  @Test func nothingCounts() throws {
    let sample = HeadSample(
      hidden: [[1, 2]], weight: [[1, 0], [0, 1]], labels: TokenLabels(ignoringNegative: [-1]))
    let scores = try sample.run { head, hidden, hiddenGradient, weightGradient in
      try head.evaluate(hidden, labels: sample.labels, toHidden: hiddenGradient, toWeight: weightGradient) { _, _ in
        LogProbabilityCotangent([1])
      }
    }
    #expect(scores.values == [0])
    #expect(sample.added.weight == [0, 0, 0, 0])
  }

  /// Errors name the caller's row, and nothing is added.
  @Test func badInput() throws {
    func failure(_ labels: [Int32], hidden: [[Double]], cotangent: [Double], groups: [Int]? = nil) -> String {
      let sample = HeadSample(
        hidden: hidden, weight: [[1, 0], [0, 1]], labels: TokenLabels(ignoringNegative: labels))
      do {
        _ = try sample.run(logitRows: 1) { head, hidden, hiddenGradient, weightGradient in
          try head.evaluate(
            hidden, labels: sample.labels, groups: groups, toHidden: hiddenGradient, toWeight: weightGradient
          ) { _, _ in LogProbabilityCotangent(cotangent) }
        }
        return "no error"
      } catch {
        #expect(sample.added.hidden.allSatisfy { $0 == 0 } && sample.added.weight.allSatisfy { $0 == 0 })
        return "\(error)"
      }
    }
    let good = [[1.0, 2], [3, 4], [5, 6]]
    #expect(failure([-1, 0, 2], hidden: good, cotangent: [1, 1, 1]).contains("row 2: the label is 2"))
    #expect(
      failure([-1, 0, 1], hidden: good, cotangent: [1, 1, .nan])
        .contains("row 2: invalid value NaN of the gradient of its scores; expected a finite number"))
    #expect(failure([-1, 0, 1], hidden: good, cotangent: [1, 1]).contains("2 numbers for 3 rows"))
    #expect(failure([0, 0, 1], hidden: good, cotangent: [1], groups: [0, 2]).contains("groups"))
    let notNumbers = failure([-1, 0, 1], hidden: [[1, 2], [3, 4], [.nan, 0]], cotangent: [1, 1, 1])
    #expect(notNumbers.contains("row 2: logit 0 is NaN"))
  }

  @Test func overlappingMemory() throws {
    let (sample, cotangent) = try sample()
    try sample.run { head, hidden, hiddenGradient, weightGradient in
      let scores = try head.score(hidden, labels: sample.labels)
      let overlapping: [(UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)] = [
        (UnsafeMutablePointer(mutating: hidden), weightGradient), (hiddenGradient, hiddenGradient + 3),
        (hiddenGradient, UnsafeMutablePointer(mutating: head.weight)),
      ]
      for (hiddenGradient, weightGradient) in overlapping {
        #expect(throws: Failure.self) {
          try head.addGradients(
            of: scores, from: LogProbabilityCotangent(cotangent.values), hidden: hidden, toHidden: hiddenGradient,
            toWeight: weightGradient)
        }
      }
      for (vocabulary, size) in [(0, 4), (4, 0), (Int(Int32.max), Int.max / 8)] {
        #expect(throws: Failure.self) {
          try LinearHead(weight: head.weight, vocabularySize: vocabulary, hiddenSize: size)
        }
      }
    }
  }
}
