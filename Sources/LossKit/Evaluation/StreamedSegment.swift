import CLossKitKernels

/// A segment whose columns are a host's: where two of them are read for their difference alone, that is read in their place. The
/// numbers are the same, and two columns less have to be converted and kept.
struct StreamedSegment: Sendable {
  /// A column, or a difference of two.
  struct Input: Sendable {
    let values: Program.Place
    let subtracted: Program.Place?
  }

  let instructions: [losskit_instruction]
  let registers: Int
  let inputs: [Input]
  let results: [Program.Result]

  init(_ segment: Program.Segment) {
    registers = segment.registers
    results = segment.results
    var instructions = segment.instructions
    var inputs = segment.inputs.map { Input(values: $0, subtracted: nil) }
    let reads = Self.reads(of: segment)
    var kept = [Bool](repeating: true, count: instructions.count)
    // The registers that would hold a difference, and the input that is read in their place; until they get another value.
    var replacements: [UInt32: UInt32] = [:]
    for (index, instruction) in segment.instructions.enumerated() {
      instructions[index].replaceOperands { replacements[$0] ?? $0 }
      replacements[instruction.result] = nil
      guard instruction.kernel == UInt32(LOSSKIT_KERNEL_SUBTRACT), !instruction.result.isOutput,
        let minuend = instruction.a.input, let subtrahend = instruction.b.input, minuend != subtrahend,
        reads[minuend] == 1, reads[subtrahend] == 1
      else { continue }
      inputs[minuend] = Input(values: segment.inputs[minuend], subtracted: segment.inputs[subtrahend])
      kept[index] = false
      replacements[instruction.result] = instruction.a
    }
    let subtrahends = Set(zip(segment.instructions, kept).compactMap { $1 ? nil : $0.b.input })
    let remaining = inputs.indices.filter { !subtrahends.contains($0) }
    let places = Dictionary(uniqueKeysWithValues: remaining.enumerated().map { ($1, $0) })
    self.inputs = remaining.map { inputs[$0] }
    self.instructions = zip(instructions, kept).filter(\.1).map { $0.0.renumbered(places) }
  }

  /// How often each input is read.
  private static func reads(of segment: Program.Segment) -> [Int] {
    var reads = [Int](repeating: 0, count: segment.inputs.count)
    for instruction in segment.instructions {
      for operand in [instruction.a, instruction.b, instruction.c] {
        if let input = operand.input { reads[input] += 1 }
      }
    }
    return reads
  }
}

extension losskit_instruction {
  fileprivate mutating func replaceOperands(_ replacement: (UInt32) -> UInt32) {
    (a, b, c) = (replacement(a), replacement(b), replacement(c))
  }

  fileprivate func renumbered(_ inputs: [Int: Int]) -> losskit_instruction {
    var copy = self
    copy.replaceOperands { operand in
      guard let input = operand.input, let place = inputs[input] else { return operand }
      return UInt32(LOSSKIT_IN_INPUT) | UInt32(place)
    }
    return copy
  }
}

extension UInt32 {
  /// What an operand's top two bits say.
  private var location: UInt32 { self & (3 << 30) }

  /// The number of the input that an operand is.
  fileprivate var input: Int? { location == UInt32(LOSSKIT_IN_INPUT) ? Int(self & ~(3 << 30)) : nil }

  fileprivate var isOutput: Bool { location == UInt32(LOSSKIT_IN_OUTPUT) }
}
