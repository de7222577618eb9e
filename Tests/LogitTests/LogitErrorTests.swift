import CLossKitRows
import LossKit
import LossKitLogits
import Testing

/// Invalid input is an error that names the row, and nothing is written.
struct LogitErrorTests {
  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "no error"
  }

  @Test(
    arguments: [
      ([0, 3, 1], "logits, row 1: the label is 3, the vocabulary has 3 classes; mask the row or correct the label"),
      ([0, 1, -1], "logits, row 2: the label is -1, the vocabulary has 3 classes; mask the row or correct the label"),
    ] as [([Int32], String)])
  func labelsOutOfRange(labels: [Int32], expected: String) throws {
    let logits = StoredLogits([[1, 2, 3], [1, 2, 3], [1, 2, 3]])
    #expect(message { _ = try LogProbabilities(of: logits.matrix, labels: TokenLabels(labels)) } == expected)
  }

  @Test(arguments: LogitType.allCases, levels) func badLogits(type: LogitType, level: Int32) throws {
    var samples = LogitSamples(seed: 10)
    let cases: [(Double, Int, String)] = [
      (.nan, 40, "logit 40 is NaN"), (.infinity, 5000, "logit 5000 is infinity"), (.nan, 0, "logit 0 is NaN"),
    ]
    for (value, column, expected) in cases {
      for extras in [[], [.entropy]] as [LogProbabilities.Extras] {
        var rows = samples.rows(3, columns: 5001, scale: 4)
        rows[2][column] = value
        let bad = StoredLogits(rows, as: type), bits = bad.bytes
        let good = StoredLogits(samples.rows(3, columns: 5001, scale: 4), as: type)
        let labels = try TokenLabels([1, 2, 3])
        let found = message {
          _ = try LogProbabilities(of: bad.matrix, labels: labels, adding: extras, level: level)
        }
        #expect(found == "logits, row 2: \(expected); the model's numbers have overflowed before")
        let foundInReference = message {
          _ = try LogProbabilities(of: good.matrix, labels: labels, reference: bad.matrix, level: level)
        }
        #expect(foundInReference.hasPrefix("logits, row 2: \(expected.replacing(" is", with: " of the reference is"))"))
        #expect(bad.bytes == bits)
      }
    }
    let infinite = StoredLogits([[1, 2], [-.infinity, -.infinity]], as: type)
    let found = message { _ = try LogProbabilities(of: infinite.matrix, labels: TokenLabels([0, 0]), level: level) }
    #expect(found == "logits, row 1: every logit is -infinity; at least one must be finite")
  }

  @Test func gradientsThatCannotBe() throws {
    let cases: [(LogitType, LogProbabilityCotangent, String)] = [
      (
        .float32, .init([1, .nan]),
        "row 1: invalid value NaN of the gradient of log_probability; expected a finite number"
      ),
      (.float32, .init([1, 1e39]), "row 1: the gradient may reach 1e+39"),
      (.float16, .init([70_000, 1]), "row 0: the gradient may reach 70000"),
      (.float32, .init([1]), "values are 1 numbers for 2 rows"),
      (.float32, .init(entropies: [1, 1]), "a gradient is given for what the forward pass did not compute"),
      (.float32, .init(divergences: [1, 1]), "scored without a reference"),
    ]
    for (type, cotangent, expected) in cases {
      let logits = StoredLogits([[1, 2, 3], [4, 5, 6]], as: type), bits = logits.bytes
      let result = try LogProbabilities(of: logits.matrix, labels: TokenLabels([0, 1]))
      let found = message { try result.writeGradient(of: logits.matrix, from: cotangent) }
      #expect(found.contains(expected), "\(found)")
      #expect(logits.bytes == bits)
    }
  }

  @Test func overlappingMemory() throws {
    let logits = StoredLogits([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), bits = logits.bytes
    let rows = LogitMatrix(logits.matrix.start, tokenCount: 2, vocabularySize: 3, rowStride: logits.stride)
    let later = LogitMatrix(
      logits.matrix.start + 4 * logits.stride, tokenCount: 2, vocabularySize: 3, rowStride: logits.stride)
    let result = try LogProbabilities(of: rows, labels: TokenLabels([0, 1]))
    let found = message { try result.writeGradient(of: rows, from: LogProbabilityCotangent([1, 1]), into: later) }
    #expect(found == "logits: the gradient's elements overlaps the logits; use separate memory for each")
    let compared = try LogProbabilities(of: rows, labels: TokenLabels([0, 1]), reference: later)
    let overwriting = message {
      try compared.writeGradient(of: rows, from: .init(divergences: [1, 1]), reference: later)
    }
    #expect(overwriting.contains("overlaps the reference's logits"))
    #expect(logits.bytes == bits)
  }

  @Test func resultsThatOverlap() throws {
    var logits: [Float] = [1, 2, 3, 4, 5, 6, 7, 8], labels: [Int32] = [0, 1], results = [Double](repeating: 7, count: 4)
    var error = losskit_logprob_error()
    let status = results.withUnsafeMutableBufferPointer { results in
      logits.withUnsafeMutableBytes { logits in
        labels.withUnsafeMutableBufferPointer { labels in
          var call = losskit_logprob()
          call.logits = losskit_logits(values: logits.baseAddress, row_stride: 4, type: Int32(LOSSKIT_FLOAT32))
          (call.tokens, call.vocabulary, call.labels) = (2, 4, UnsafePointer(labels.baseAddress))
          call.log_sum_exp = results.baseAddress
          call.log_probability = results.baseAddress.map { $0 + 1 }
          return losskit_logprob_forward(&call, &error)
        }
      }
    }
    #expect(status != 0)
    #expect(results == [7, 7, 7, 7])
  }

  @Test func sizesThatOverflow() throws {
    let logits = StoredLogits([[1, 2, 3]])
    for (vocabulary, stride) in [(3, 2), (0, 3), (1 << 40, 1 << 40), (3, Int.max / 2)] {
      let matrix = LogitMatrix(
        logits.matrix.start, tokenCount: 3, vocabularySize: vocabulary, rowStride: stride)
      #expect(throws: Failure.self) { try LogProbabilities(of: matrix, labels: TokenLabels([0, 0, 0])) }
    }
    #expect(throws: Failure.self) { try LogProbabilities(of: logits.matrix, labels: TokenLabels([0, 0])) }
    #expect(throws: Failure.self) { try TokenLabels([0, 0], mask: [true]) }
    #expect(throws: Failure.self) { try LogProbabilityCotangent(sequences: [1], offsets: [0, 2, 1]) }
  }
}
