package import CLossKit
package import LossKit

extension ComponentCall {
  /// Whether a column of the call is per token.
  package var hasTokens: Bool { tokenOffsets != nil }

  /// The call with the given prompts only, in that order.
  package func of(prompts kept: [Int]) -> ComponentCall {
    var part = self
    part.prompts = kept.count
    part.counts = counts.map { counts in kept.map { counts[$0] } }
    for (name, column) in columns { part.inputs[name] = inputs[name].map { pick(kept, of: $0, per: column.per) } }
    part.cotangent = cotangent.map { pick(kept, of: $0, per: outputExtent) }
    part.tokenOffsets = tokenOffsets.map { offsets in
      let rows = withShape { shape in (0..<responses).flatMap { rank in kept.map { shape.row(rank, ofPrompt: $0) } } }
      return rows.reduce(into: [0]) { $0.append(($0.last ?? 0) + offsets[$1 + 1] - offsets[$1]) }
    }
    return part
  }

  /// The entries of a column or its gradient that belong to the given prompts.
  package func pick(_ kept: [Int], ofColumn name: String, _ values: [Double]) -> [Double] {
    columns.first { $0.name == name }.map { pick(kept, of: values, per: $0.column.per) } ?? []
  }

  /// The entries that belong to some prompts, reference by reference and rank by rank.
  package func pick(_ kept: [Int], of values: [Double], per extent: Column.Extent) -> [Double] {
    withShape { shape in
      let references = values.count / max(shape.count(per: extent), 1)
      return (0..<references).flatMap { reference in
        (0..<(extent == .prompt ? 1 : responses)).flatMap { rank in
          kept.flatMap { values[shape.entries(per: extent, rank: rank, prompt: $0, reference: reference)] }
        }
      }
    }
  }

  /// The call with the first responses of each prompt only; `responses` is at most K and at least every count.
  package func of(responses kept: Int) -> ComponentCall {
    var part = self
    part.responses = kept
    for (name, column) in columns { part.inputs[name] = inputs[name].map { first(kept, of: $0, column) } }
    part.cotangent = cotangent.map { Array($0.prefix(part.outputCount)) }
    part.tokenOffsets = tokenOffsets.map { Array($0.prefix(part.withShape(\.rows) + 1)) }
    return part
  }

  /// The entries of the first responses of each prompt, reference by reference.
  package func first(_ kept: Int, of values: [Double], _ column: losskit_column) -> [Double] {
    var part = self
    part.responses = kept
    let count = part.withShape { $0.count(per: column.per) }
    return stride(from: 0, to: values.count, by: max(withShape { $0.count(per: column.per) }, 1)).flatMap {
      values[$0..<$0 + count]
    }
  }
}

extension losskit_column {
  /// The rows that it has entries for.
  package var per: Column.Extent { Column.Extent(rawValue: extent) ?? .token }
  /// Whether a gradient is returned for it.
  package var isDifferentiable: Bool { flags & UInt32(LOSSKIT_DIFFERENTIABLE) != 0 }
}
