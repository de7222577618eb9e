import CLossKitRows
import LossKit

/// The log-probabilities of labels under the softmax of logits, with optional statistics of the distributions, in nats, one number per
/// token.
///
/// Each direction reads the logits once and allocates nothing of their size: forward uses a running maximum and sum, backward the
/// log-sum-exp from forward. For float32 logits the log-probabilities are within 1e-6 of the exact values, or within 1e-15 times the
/// largest logit if that is more. Results do not depend on the number of threads, to the bit.
public struct LogProbabilities: Sendable {
  /// Statistics to compute in addition to the log-probabilities.
  public struct Extras: OptionSet, Sendable {
    /// The bits of the set.
    public let rawValue: Int
    /// Creates a set from its bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The entropy −Σ π log π of each row.
    public static let entropy = Extras(rawValue: 1)
    /// log Σ π² of each row.
    public static let logCollision = Extras(rawValue: 2)
  }

  /// log π of each row's label. Masked rows are 0 in this and the following arrays.
  public var values: [Double] { column(0) }
  /// The log-sum-exp of each row.
  public var logSumExps: [Double] { column(1) }
  /// The entropy of each row; empty unless requested.
  public var entropies: [Double] { extras.contains(.entropy) ? column(2) : [] }
  /// log Σ π² of each row; empty unless requested.
  public var logCollisions: [Double] { extras.contains(.logCollision) ? column(3) : [] }
  /// KL(reference ‖ π) of each row; empty without a reference. +∞ if π is 0 where the reference is not.
  public var divergences: [Double] { hasReference ? column(4) : [] }

  /// The labels that were scored.
  public let labels: TokenLabels
  let extras: Extras
  let hasReference: Bool
  let level: Int32
  /// The row numbers in errors; nil for 0, 1, 2, …
  let rowNumbers: [Int]?
  /// The columns above, one after another, and the reference's log-sum-exp.
  var results: [Double]
  static let columnCount = 6
  /// The identity that was assigned to the scores.
  var identity: Identity?

  /// Scores each row of the logits. A reference is a second distribution for each row.
  ///
  /// Throws, naming the row, for a label outside the vocabulary, a logit that is NaN or +∞, and a row whose logits are all −∞.
  public init(
    of logits: LogitMatrix, labels: TokenLabels, adding extras: Extras = [], reference: LogitMatrix? = nil,
    threads: Int = 0
  ) throws {
    try self.init(of: logits, labels: labels, adding: extras, reference: reference, threads: threads, level: 0)
  }

  /// As above, with the instructions of a level: 1 baseline, 2 AVX2, 3 AVX-512; 0 or an unavailable level selects the best available one.
  /// Errors number the rows as in `rowNumbers`.
  package init(
    of logits: LogitMatrix, labels: TokenLabels, adding extras: Extras = [], reference: LogitMatrix? = nil,
    threads: Int = 0, level: Int32, rowNumbers: [Int]? = nil
  ) throws {
    self.init(
      labels: labels, extras: extras, hasReference: reference != nil, level: level, rowNumbers: rowNumbers,
      results: Array(repeating: 0, count: Self.columnCount * labels.values.count))
    var results = results
    try call(logits, reference: reference, &results, threads: threads) { call, error in
      losskit_logprob_forward(&call, &error)
    }
    self.results = results
  }

  /// Scores the logits, passes the result to `loss`, and overwrites the logits, or `target` if given, with the gradient that `loss`
  /// returns.
  public static func evaluate(
    _ logits: LogitMatrix, labels: TokenLabels, adding extras: Extras = [], reference: LogitMatrix? = nil,
    target: LogitMatrix? = nil, threads: Int = 0, loss: (LogProbabilities) throws -> LogProbabilityCotangent
  ) throws -> LogProbabilities {
    let result = try LogProbabilities(
      of: logits, labels: labels, adding: extras, reference: reference, threads: threads)
    try result.writeGradient(
      of: logits, from: loss(result), reference: reference, into: target, threads: threads)
    return result
  }

  /// The sum of `values` over each sequence; sequence s has the rows `offsets[s] ..< offsets[s + 1]`.
  public func sums(offsets: [Int]) throws -> [Double] {
    try LogProbabilityCotangent.check(offsets)
    guard let last = offsets.last, last <= labels.values.count else {
      throw Failure("logits: the offsets of sequences end beyond the \(labels.values.count) rows")
    }
    return zip(offsets, offsets.dropFirst()).map { results[$0..<$1].reduce(0, +) }
  }

  /// Overwrites the logits, or `target` if given, with ∂L/∂logits in their type.
  ///
  /// The logits and the reference must be those that were scored. Masked rows become 0. Throws, naming the row, for a gradient that is
  /// not finite or exceeds the range of the type, and for overlapping memory.
  public func writeGradient(
    of logits: LogitMatrix, from cotangent: LogProbabilityCotangent, reference: LogitMatrix? = nil,
    into target: LogitMatrix? = nil, threads: Int = 0
  ) throws {
    let target = target ?? logits
    guard target.type == logits.type, target.tokenCount == logits.tokenCount,
      target.vocabularySize == logits.vocabularySize
    else { throw Failure("logits: the gradient's matrix has another shape or type than the logits") }
    guard hasReference || cotangent.divergences.isEmpty else {
      throw Failure("logits: there is a gradient of divergences, but the rows were scored without a reference")
    }
    guard cotangent.divergences.isEmpty || reference != nil else {
      throw Failure("logits: the gradient of divergences needs the reference's logits")
    }
    let (columns, starts) = try cotangent.columns(rows: labels.values.count)
    var results = results
    try call(logits, reference: cotangent.divergences.isEmpty ? nil : reference, &results, threads: threads) {
      call, error in
      columns.withUnsafeBufferPointer { columns in
        func column(_ index: Int) -> UnsafePointer<Double>? {
          starts[index].flatMap { start in columns.baseAddress.map { $0 + start } }
        }
        var pointers = losskit_logprob_cotangent(
          log_probability: column(0), entropy: column(1), log_collision: column(2), divergence: column(3))
        return losskit_logprob_backward(&call, &pointers, target.start, target.rowStride, &error)
      }
    }
  }

  init(labels: TokenLabels, extras: Extras, hasReference: Bool, level: Int32, rowNumbers: [Int]?, results: [Double]) {
    self.labels = labels
    self.extras = extras
    self.hasReference = hasReference
    self.level = level
    self.rowNumbers = rowNumbers
    self.results = results
  }

  private func column(_ index: Int) -> [Double] {
    let count = labels.values.count
    return Array(results[index * count..<(index + 1) * count])
  }

  /// Calls `body` with the C description of these rows, whose output is `results`, and throws the error it reports.
  private func call(
    _ logits: LogitMatrix, reference: LogitMatrix?, _ results: inout [Double], threads: Int,
    _ body: (inout losskit_logprob, inout losskit_logprob_error) -> Int32
  ) throws {
    let count = labels.values.count
    for matrix in [logits, reference].compactMap(\.self) {
      guard matrix.tokenCount == count, matrix.vocabularySize == logits.vocabularySize, matrix.vocabularySize >= 0,
        matrix.rowStride >= 0
      else {
        throw Failure(
          "logits: \(count) labels are given for logits of shape [\(matrix.tokenCount), \(matrix.vocabularySize)], rows "
            + "\(matrix.rowStride) apart; every matrix has a row for each label, and one vocabulary")
      }
    }
    guard let threads = Int32(exactly: threads) else { throw Failure("logits: \(threads) threads are too many") }
    var error = losskit_logprob_error()
    let status = results.withUnsafeMutableBufferPointer { results in
      labels.values.withUnsafeBufferPointer { values in
        withMask { mask in
          func column(_ index: Int, if isWanted: Bool = true) -> UnsafeMutablePointer<Double>? {
            isWanted ? results.baseAddress.map { $0 + index * count } : nil
          }
          var call = losskit_logprob(
            logits: losskit_logits(logits), tokens: count, vocabulary: logits.vocabularySize,
            labels: values.baseAddress, mask: mask, reference: reference.map(losskit_logits.init) ?? losskit_logits(),
            threads: threads, level: level, log_probability: column(0), log_sum_exp: column(1),
            entropy: column(2, if: extras.contains(.entropy)),
            log_collision: column(3, if: extras.contains(.logCollision)),
            divergence: column(4, if: reference != nil), reference_log_sum_exp: column(5, if: reference != nil))
          return body(&call, &error)
        }
      }
    }
    guard status == 0 else { throw Failure(error, rowNumbers: rowNumbers) }
  }

  /// Calls `body` with a byte per row, or nil if no row is masked.
  private func withMask<Result>(_ body: (UnsafePointer<UInt8>?) -> Result) -> Result {
    guard let mask = labels.mask else { return body(nil) }
    return mask.map { $0 ? 1 : 0 }.withUnsafeBufferPointer { body($0.baseAddress) }
  }
}

extension losskit_logits {
  init(_ matrix: LogitMatrix) {
    self.init(values: matrix.start, row_stride: matrix.rowStride, type: matrix.type.rawValue)
  }
}

extension Failure {
  init(_ error: losskit_logprob_error, rowNumbers: [Int]?) {
    let message = withUnsafeBytes(of: error.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    let place = "logits, row \(error.row): "
    if let rowNumbers, rowNumbers.indices.contains(error.row), message.hasPrefix(place) {
      self.init("logits, row \(rowNumbers[error.row]): " + message.dropFirst(place.count))
    } else {
      self.init(message)
    }
  }
}
