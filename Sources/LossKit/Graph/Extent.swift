/// The kind of rows of a value. Each row of one extent belongs to one row of the next coarser extent.
package enum Extent: Int, Comparable, CaseIterable, Sendable {
  case batch, prompt, response, token

  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  /// The extent of a column.
  package init(_ extent: Column.Extent) {
    switch extent {
    case .prompt: self = .prompt
    case .response: self = .response
    case .token: self = .token
    }
  }
}

extension GraphNode {
  /// The extent of the node's value, from those of its operands.
  ///
  /// In a formula of version 1, every symbol per row counts as per prompt, even if the rows are tokens: there is one extent besides the
  /// batch.
  func extent(operands: [Extent]) -> Extent {
    if operation.isElementwise, operation != .copy { return operands.max() ?? .batch }
    return switch operation {
    case .constant, .parameter, .state, .batchCount, .batchMean, .batchMeanGradient: .batch
    case .input, .rowIndex, .tokenIndex, .tokenCount, .tokenShortest, .tokenRandomRank, .batchSorted, .batchUnsorted,
      .pick:
      .prompt
    case .uniform, .cotangent: c == 0 ? .prompt : statedExtent
    case .column, .count, .place, .sum, .largest, .copy: statedExtent
    default: operands.max() ?? .batch
    }
  }

  /// The extent that the node states in `c`.
  var statedExtent: Extent { Extent(rawValue: c) ?? .batch }
}

extension Graph {
  /// The extent of each node's value.
  package var extents: [Extent] {
    var extents: [Extent] = []
    extents.reserveCapacity(nodes.count)
    for node in nodes { extents.append(node.extent(operands: node.operands.map { extents[$0] })) }
    return extents
  }
}

/// Operations between extents.
extension GraphBuilder {
  /// A column at its own extent; of the given reference if it is per reference.
  package mutating func column(_ index: Int, reference: Int = 0, per extent: Extent) -> Int {
    insert(GraphNode(.column, a: index, b: reference, c: extent.rawValue))
  }

  /// The number of rows of `fine` that belong to a row of `coarse`.
  package mutating func count(of fine: Extent, per coarse: Extent) -> Int {
    if fine == coarse { return constant(1) }
    if fine == .prompt, coarse == .batch { return insert(GraphNode(.batchCount)) }
    return insert(GraphNode(.count, a: fine.rawValue, c: coarse.rawValue))
  }

  /// The index of a row, from 0, in its row of `coarse`.
  package mutating func place(of fine: Extent, in coarse: Extent) -> Int {
    insert(GraphNode(.place, a: coarse.rawValue, c: fine.rawValue))
  }

  /// A random number per row, keyed by the row's index in the batch.
  package mutating func uniform(stream: Int, per extent: Extent) -> Int {
    insert(GraphNode(.uniform, a: stream, c: extent.rawValue))
  }

  /// The sum of a value over the rows of `fine` that belong to a row of `coarse`; 0 for no rows.
  ///
  /// A value of a coarser extent is broadcast, so it counts once per row of `fine`.
  package mutating func sum(_ x: Int, over fine: Extent, to coarse: Extent) -> Int {
    let own = extents[x]
    if value(x) == 0 || fine == coarse { return x }
    if own == fine { return insert(GraphNode(.sum, a: x, c: coarse.rawValue)) }
    if own <= coarse { return add(.multiply, x, count(of: fine, per: coarse)) }
    return sum(add(.multiply, x, count(of: fine, per: own)), over: own, to: coarse)
  }

  /// The mean over the rows of a value's extent; 0 with slope 0 for no rows.
  package mutating func mean(_ x: Int, to coarse: Extent) -> Int {
    let rows = extents[x]
    let count = count(of: rows, per: coarse)
    return add(.divide, sum(x, over: rows, to: coarse), add(.maximum, count, constant(1)))
  }

  /// The largest value of the rows that belong to a row of `coarse`; −∞ for no rows. On a tie the first one has the slope.
  package mutating func largest(_ x: Int, to coarse: Extent) -> Int {
    extents[x] <= coarse ? x : insert(GraphNode(.largest, a: x, c: coarse.rawValue))
  }

  /// log Σ exp over the rows that belong to a row of `coarse`, without overflow; −∞ for no rows.
  package mutating func logSumExp(_ x: Int, to coarse: Extent) -> Int {
    let most = add(.stopGradient, largest(x, to: coarse))
    let sum = sum(add(.exp, add(.subtract, x, most)), over: extents[x], to: coarse)
    return add(.add, most, add(.log, sum))
  }

  /// The value of one rank of each prompt. Elementwise operations per response are computed for that rank alone.
  package mutating func pick(_ x: Int, rank: Int) -> Int {
    let node = nodes[x]
    guard extents[x] == .response else { return x }
    switch node.operation {
    case .place where node.a == Extent.prompt.rawValue: return constant(Double(rank))
    case _ where node.operation.isElementwise:
      let operands = node.operands.map { pick($0, rank: rank) } + [0, 0]
      return add(node.operation, operands[0], operands[1], operands[2])
    default: return insert(GraphNode(.pick, a: x, b: rank))
    }
  }

  /// y = a·y′ + b along each row of `segment`, where y′ is the previous value, initially 0.
  package mutating func scan(_ a: Int, _ b: Int, along segment: Extent, isReversed: Bool = false) -> Int {
    insert(GraphNode(.scan, a: a, b: b, c: segment.rawValue, value: isReversed ? 1 : 0))
  }

  /// log(exp(x) + exp(y′)) along each row of `segment`, where y′ is the previous value, initially −∞.
  package mutating func scanLogSumExp(_ x: Int, along segment: Extent, isReversed: Bool = false) -> Int {
    insert(GraphNode(.scanLogSumExp, a: x, c: segment.rawValue, value: isReversed ? 1 : 0))
  }

  /// The value of the previous (`step` 1) or next (−1) row in the row of `segment`; `filling` at its end.
  package mutating func shift(_ x: Int, by step: Int, filling value: Double, along segment: Extent) -> Int {
    insert(GraphNode(.shift, a: x, b: step > 0 ? 0 : 1, c: segment.rawValue, value: value))
  }

  /// The index, from 0, of each value in the ascending order of its row of `segment`; the sort is stable.
  package mutating func order(_ x: Int, along segment: Extent) -> Int {
    insert(GraphNode(.order, a: x, c: segment.rawValue))
  }

  /// A value at one rank, 0 at the others.
  mutating func value(_ x: Int, atRank rank: Int) -> Int {
    let place = place(of: .response, in: .prompt)
    let below = add(.subtract, constant(Double(rank) + 0.5), place)
    let above = add(.subtract, place, constant(Double(rank) - 0.5))
    let zero = constant(0)
    return add(.select, above, add(.select, below, x, zero), zero)
  }
}
