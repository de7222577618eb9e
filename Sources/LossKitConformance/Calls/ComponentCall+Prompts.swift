package import CLossKit

extension ComponentCall {
  /// Whether a column of the call is per token.
  package var hasTokens: Bool { tokenOffsets != nil }

  /// The call with the given prompts only, in that order.
  package func of(prompts kept: [Int]) -> ComponentCall {
    var part = self
    part.prompts = kept.count
    part.counts = counts.map { counts in kept.map { counts[$0] } }
    for (name, column) in columns {
      part.inputs[name] = inputs[name].map { pick(kept, of: $0, perToken: column.isPerToken) }
    }
    part.cotangent = cotangent.map { pick(kept, of: $0) }
    part.tokenOffsets = tokenOffsets.map { offsets in
      rows(of: kept).reduce(into: [0]) { $0.append(($0.last ?? 0) + offsets[$1 + 1] - offsets[$1]) }
    }
    return part
  }

  /// The entries of a column or its gradient that belong to the given prompts.
  package func pick(_ kept: [Int], ofColumn name: String, _ values: [Double]) -> [Double] {
    let isPerToken = columns.first { $0.name == name }?.column.isPerToken ?? false
    return pick(kept, of: values, perToken: isPerToken)
  }

  /// The entries that belong to the given prompts, slot by slot.
  package func pick(_ kept: [Int], of values: [Double], perToken: Bool = false) -> [Double] {
    guard perToken, let offsets = tokenOffsets, let tokens = offsets.last, tokens > 0 else {
      return stride(from: 0, to: values.count, by: max(prompts, 1)).flatMap { slot in kept.map { values[slot + $0] } }
    }
    return stride(from: 0, to: values.count, by: tokens).flatMap { start in
      rows(of: kept).flatMap { values[start + offsets[$0]..<start + offsets[$0 + 1]] }
    }
  }

  /// The call with the first responses of each prompt only; `responses` is at most K and at least every count.
  package func of(responses kept: Int) -> ComponentCall {
    var part = self
    part.responses = kept
    for (name, column) in columns {
      part.inputs[name] = inputs[name].map { first(kept, of: $0, column) }
    }
    if component.pointee.kind == UInt32(LOSSKIT_REWARD) {
      part.cotangent = cotangent.map { Array($0.prefix(kept * prompts)) }
    }
    part.tokenOffsets = tokenOffsets.map { Array($0.prefix(kept * prompts + 1)) }
    return part
  }

  /// The entries of the first responses of each prompt, reference by reference.
  package func first(_ kept: Int, of values: [Double], _ column: losskit_column) -> [Double] {
    if column.extent == UInt32(LOSSKIT_PER_PROMPT) || values.isEmpty { return values }
    let whole = column.isPerToken ? tokenOffsets?.last ?? 0 : responses * prompts
    let part = column.isPerToken ? tokenOffsets?[kept * prompts] ?? 0 : kept * prompts
    return stride(from: 0, to: values.count, by: max(whole, 1)).flatMap { values[$0..<$0 + part] }
  }

  private func rows(of kept: [Int]) -> [Int] {
    (0..<responses).flatMap { rank in kept.map { rank * prompts + $0 } }
  }
}

extension losskit_column {
  /// Whether it has an entry per token.
  package var isPerToken: Bool { extent == UInt32(LOSSKIT_PER_TOKEN) }
  /// Whether a gradient is returned for it.
  package var isDifferentiable: Bool { flags & UInt32(LOSSKIT_DIFFERENTIABLE) != 0 }
}
