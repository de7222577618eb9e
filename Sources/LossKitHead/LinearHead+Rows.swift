import LossKit
import LossKitLogits

extension LinearHead {
  /// The stride between rows of logits in floats, a multiple of the cache line.
  var logitStride: Int { (vocabularySize + 15) & ~15 }

  /// The number of rows whose logits are in memory at once; each needs twice the memory with a reference.
  func tileRows(hasReference: Bool) -> Int {
    max(1, logitBytes / (logitStride * MemoryLayout<Float>.stride * (hasReference ? 2 : 1)))
  }

  /// The weights as a factor.
  var weights: Factor {
    roundedWeight.map { Factor(rounded: $0, stride: hiddenSize) } ?? Factor(weight, stride: hiddenSize)
  }

  /// Throws if a reference has a different vocabulary.
  func check(_ reference: Reference?) throws {
    guard let reference, reference.head.vocabularySize != vocabularySize else { return }
    throw Failure(
      "linear head: the vocabulary has \(vocabularySize) classes, the reference's has \(reference.head.vocabularySize); "
        + "both must have the same vocabulary")
  }

  /// The unmasked rows. Throws if a label is outside the vocabulary.
  func countedRows(_ labels: TokenLabels) throws -> [Int] {
    let rows = labels.values.indices.filter(labels.counts)
    for row in rows where labels.values[row] < 0 || Int(labels.values[row]) >= vocabularySize {
      throw Failure(
        "linear head, row \(row): the label is \(labels.values[row]), the vocabulary has \(vocabularySize) classes; mask "
          + "the row or correct the label")
    }
    return rows
  }

  /// Splits the rows into as few tiles as possible, of about equal size.
  func tiles(of rows: ArraySlice<Int>, hasReference: Bool) -> [ArraySlice<Int>] {
    guard !rows.isEmpty else { return [] }
    let count = (rows.count - 1) / tileRows(hasReference: hasReference) + 1
    return (0..<count).map { tile in
      let start = rows.startIndex + rows.count * tile / count
      return rows[start..<rows.startIndex + rows.count * (tile + 1) / count]
    }
  }

  /// Combines adjacent groups as long as their unmasked rows fit a tile.
  func parts(_ groups: [Int], counted rows: [Int], rowCount: Int, hasReference: Bool) throws -> [Part] {
    guard groups.first == 0, groups.last == rowCount, zip(groups, groups.dropFirst()).allSatisfy(<=) else {
      throw Failure(
        "linear head: the groups of rows begin at \(groups.first ?? 0) and end at \(groups.last ?? 0); give offsets that "
          + "ascend from 0 to \(rowCount)")
    }
    let tileRows = tileRows(hasReference: hasReference)
    var parts: [Part] = [], end = rows.startIndex
    for (start, limit) in zip(groups, groups.dropFirst()) {
      let first = end
      while end < rows.endIndex, rows[end] < limit { end += 1 }
      if let last = parts.last, end - last.counted.lowerBound <= tileRows {
        parts[parts.endIndex - 1] = Part(rows: last.rows.lowerBound..<limit, counted: last.counted.lowerBound..<end)
      } else {
        parts.append(Part(rows: start..<limit, counted: first..<end))
      }
    }
    return parts
  }

  /// Groups of rows that are evaluated together.
  struct Part {
    let rows: Range<Int>
    /// The range of their unmasked rows among all unmasked rows.
    let counted: Range<Int>
  }

  /// Throws if a gradient is not finite or does not have one number per row; `rows` are the rows it is for.
  func check(
    _ cotangent: LogProbabilityCotangent, _ labels: TokenLabels, rows: Range<Int>, hasReference: Bool
  ) throws {
    for column in [cotangent.values, cotangent.entropies, cotangent.logCollisions, cotangent.divergences]
    where !column.isEmpty {
      guard column.count == rows.count else {
        throw Failure("linear head: a gradient is \(column.count) numbers for \(rows.count) rows; give one for each")
      }
      for (row, value) in zip(rows, column) where labels.counts(row) && !value.isFinite {
        throw Failure(
          "linear head, row \(row): invalid value \(roundTripDecimal(Double(value))) of the gradient of its scores; expected a finite number"
        )
      }
    }
    guard hasReference || cotangent.divergences.isEmpty else {
      throw Failure("linear head: there is a gradient of divergences, but no reference")
    }
  }

  /// Throws if a gradient overlaps an input or the other gradient.
  func checkMemory(
    _ hidden: UnsafePointer<Float>, _ reference: Reference?, _ hiddenGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafePointer<Float>?, rowCount: Int
  ) throws {
    guard let elements = Self.product(rowCount, hiddenSize), Self.product(elements, 4) != nil else {
      throw Failure("linear head: \(rowCount) hidden states of \(hiddenSize) exceed the address space")
    }
    var read = [("the hidden states", hidden, elements), ("the weights", weight, weightCount)]
    if let reference {
      guard let states = Self.product(rowCount, reference.head.hiddenSize) else {
        throw Failure("linear head: \(rowCount) hidden states of the reference exceed the address space")
      }
      read += [
        ("the reference's hidden states", reference.hidden, states),
        ("its weights", reference.head.weight, reference.head.weightCount),
      ]
    }
    var written = [("the gradient of the hidden states", hiddenGradient, elements)]
    if let weightGradient {
      written.append(("the gradient of the weights", weightGradient, vocabularySize * hiddenSize))
    }
    for (index, (name, start, count)) in written.enumerated() {
      for (otherName, otherStart, otherCount) in read + written[..<index]
      where start < otherStart + otherCount && otherStart < start + count {
        throw Failure("linear head: \(name) overlaps \(otherName); use separate memory for each")
      }
    }
  }

  /// The product of two numbers; nil if it exceeds the address space.
  static func product(_ a: Int, _ b: Int) -> Int? {
    let (result, overflows) = a.multipliedReportingOverflow(by: b)
    return overflows ? nil : result
  }
}
