import CLossKit

/// A call of a tokenwise reward: its program runs over all tokens of the batch, and its values are summed by response.
struct TokenEvaluation {
  private let evaluator: GraphEvaluator
  private let frame: losskit_frame
  private let entry: GraphEvaluator.Entry
  private let responseRows: Int

  init(_ evaluator: GraphEvaluator, _ frame: losskit_frame, _ entry: GraphEvaluator.Entry) {
    self.evaluator = evaluator
    self.frame = frame
    self.entry = entry
    responseRows = frame.prompts * frame.responses
  }

  func run(_ output: UnsafeMutablePointer<Double>) throws {
    guard let offsets = frame.token_offsets else {
      throw Failure("\(evaluator.name): its columns are per token, and the call brings no token offsets")
    }
    let tokens = offsets[responseRows]
    let externalCount = entry.program.externals.count
    try withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, tokens * (externalCount + 1))) { storage in
      guard let base = storage.baseAddress else { return }
      let externals = try entry.program.externals.enumerated().map { index, external in
        try column(external, tokens: tokens, offsets: offsets, scratch: base.advanced(by: (index + 1) * tokens))
      }
      var pointers = externals
      var outputs = [base] + entry.gradients.compactMap { frame.gradients?[$0.column]?.advanced(by: $0.slot * tokens) }
      pointers.withUnsafeMutableBufferPointer { externals in
        outputs.withUnsafeMutableBufferPointer { outputs in
          entry.program.runRows(0..<tokens, externals: externals, outputs: outputs, parameters: frame.parameters)
        }
      }
      for row in 0..<responseRows {
        let tokens = UnsafeBufferPointer(start: base + offsets[row], count: offsets[row + 1] - offsets[row])
        output[row] = hasResponse(row) ? pairwiseSum(tokens) : 0
      }
    }
  }

  private func column(
    _ external: Program.External, tokens: Int, offsets: UnsafePointer<Int>, scratch: UnsafeMutablePointer<Double>
  ) throws -> UnsafePointer<Double> {
    switch external {
    case .input(let slot):
      guard let column = frame.inputs?[slot.column] else {
        throw Failure("\(evaluator.name): column '\(evaluator.columns[slot.column].name)' is needed and not there")
      }
      return column.advanced(by: slot.slot * tokens)
    case .uniform(let stream):
      for token in 0..<tokens {
        scratch[token] = UniformNumbers.value(seed: frame.seed, stream: stream, row: token)
      }
    case .tokenRandomRank(let stream):
      for row in 0..<responseRows { writeRandomRanks(offsets[row]..<offsets[row + 1], stream: stream, to: scratch) }
    default:
      for row in 0..<responseRows {
        let range = offsets[row]..<offsets[row + 1]
        let value = value(external, row: row, count: range.count, offsets: offsets)
        for token in range {
          scratch[token] = external == .tokenIndex ? Double(token - range.lowerBound) : value
        }
      }
    }
    return UnsafePointer(scratch)
  }

  /// The places of a response's tokens in the order of their uniform numbers.
  private func writeRandomRanks(_ tokens: Range<Int>, stream: UInt32, to ranks: UnsafeMutablePointer<Double>) {
    let keys = tokens.map { UniformNumbers.value(seed: frame.seed, stream: stream, row: $0) }
    // On a tie the earlier token comes first.
    let order = keys.indices.sorted { keys[$0] == keys[$1] ? $0 < $1 : keys[$0] < keys[$1] }
    for (rank, token) in order.enumerated() { ranks[tokens.lowerBound + token] = Double(rank) }
  }

  /// What all tokens of a response share.
  private func value(_ external: Program.External, row: Int, count: Int, offsets: UnsafePointer<Int>) -> Double {
    switch external {
    case .cotangent: hasResponse(row) ? frame.cotangent?[row] ?? 0 : 0
    case .tokenShortest:
      Double(
        (0..<responses(of: row % frame.prompts)).map { rank in
          let other = rank * frame.prompts + row % frame.prompts
          return offsets[other + 1] - offsets[other]
        }.min() ?? 0)
    default: Double(count)
    }
  }

  /// Whether a row's prompt has that many responses.
  private func hasResponse(_ row: Int) -> Bool { row / frame.prompts < responses(of: row % frame.prompts) }

  private func responses(of prompt: Int) -> Int { frame.counts.map { Int($0[prompt]) } ?? frame.responses }
}
