import CLossKit
import CLossKitKernels

/// One call of a component's `compute`.
struct FrameEvaluation {
  let evaluator: ComponentEvaluator
  let frame: losskit_frame
  private let parameters: [Double]

  init(_ evaluator: ComponentEvaluator, _ frame: losskit_frame) {
    self.evaluator = evaluator
    self.frame = frame
    parameters = evaluator.isStructural.indices.map { frame.parameters?[$0] ?? .nan }
  }

  private var isLoss: Bool { evaluator.kind == UInt32(LOSSKIT_LOSS) }

  func run() throws {
    guard frame.prompts > 0 else { return }
    guard let output = frame.output else { throw Failure("\(evaluator.name): the call brings no array for its output") }
    let shape = shape(responses: frame.responses, isMixed: false)
    if isMixed {
      try runMixed(output)
    } else {
      let entry = try evaluator.entry(for: shape, parameters: parameters)
      clearUnused(entry)
      if entry.rows == .token {
        try TokenEvaluation(evaluator, frame, entry).run(output)
      } else {
        try runUniform(entry, output)
      }
    }
    try checkNumbers(output)
  }

  private var isMixed: Bool {
    guard let counts = frame.counts else { return false }
    return (0..<frame.prompts).contains { counts[$0] != UInt32(frame.responses) }
  }

  private func shape(responses: Int, isMixed: Bool) -> ComponentEvaluator.Shape {
    var mask: UInt64 = 0
    if frame.cotangent != nil, let gradients = frame.gradients {
      for (index, column) in evaluator.columns.enumerated() where column.isDifferentiable && gradients[index] != nil {
        mask |= 1 << UInt64(index)
      }
    }
    let structure = zip(parameters, evaluator.isStructural).filter(\.1).map(\.0)
    return ComponentEvaluator.Shape(
      responses: responses, references: frame.references, structure: structure, gradients: mask, isMixed: isMixed)
  }

  // MARK: All prompts have K responses

  private func runUniform(_ entry: ComponentEvaluator.Entry, _ output: UnsafeMutablePointer<Double>) throws {
    let stride = frame.prompts
    let generated = GeneratedColumns(entry.program, seed: frame.seed, rows: stride)
    let externals = try entry.program.externals.map { external in
      switch external {
      case .input(let slot): try column(slot.column).advanced(by: slot.slot * stride)
      case .cotangent(let index): try cotangent().advanced(by: index * stride)
      default: try generated.column(external)
      }
    }
    let valueCount = isLoss ? 1 : frame.responses
    let outputs = (0..<valueCount).map { output.advanced(by: $0 * stride) } + gradientTargets(entry, stride: stride)
    let columns = ProgramColumns(externals: externals, outputs: outputs, rows: stride)
    if entry.program.isRowwise, evaluator.stateCount == 0 {
      entry.program.runRows(columns, parameters: frame.parameters, state: nil)
    } else {
      let part = BatchPart(program: entry.program, columns: columns)
      try BatchRun.run([part], parameters: frame.parameters, state: frame.state)
    }
    withExtendedLifetime(generated) {}
  }

  private func gradientTargets(_ entry: ComponentEvaluator.Entry, stride: Int) -> [UnsafeMutablePointer<Double>] {
    entry.gradients.compactMap { slot in
      frame.gradients?[slot.column]?.advanced(by: slot.slot * stride)
    }
  }

  /// Gradients of what the formula does not read are 0.
  private func clearUnused(_ entry: ComponentEvaluator.Entry) {
    guard frame.cotangent != nil, let gradients = frame.gradients else { return }
    let used = Set(entry.gradients)
    for (index, column) in evaluator.columns.enumerated() {
      guard column.isDifferentiable, let gradient = gradients[index] else { continue }
      let rows = rowCount(of: column)
      let references = column.isPerReference ? frame.references : 1
      let slots = column.extent == .response ? frame.responses * references : references
      for slot in 0..<slots where !used.contains(InputSlot(column: index, slot: slot)) {
        gradient.advanced(by: slot * rows).update(repeating: 0, count: rows)
      }
    }
  }

  private func rowCount(of column: Column) -> Int {
    column.extent == .token ? frame.token_offsets?[frame.responses * frame.prompts] ?? 0 : frame.prompts
  }

  private func column(_ index: Int) throws -> UnsafePointer<Double> {
    guard let column = frame.inputs?[index] else {
      throw Failure("\(evaluator.name): column '\(evaluator.columns[index].name)' is needed and not there")
    }
    return column
  }

  private func cotangent() throws -> UnsafePointer<Double> {
    guard let cotangent = frame.cotangent else { throw Failure("\(evaluator.name): a gradient without a cotangent") }
    return cotangent
  }

  // MARK: Rankings of different length

  private func runMixed(_ output: UnsafeMutablePointer<Double>) throws {
    clearAll(output)
    guard let counts = frame.counts else { return }
    let byCount = Dictionary(grouping: 0..<frame.prompts) { Int(counts[$0]) }.sorted { $0.key < $1.key }
    if let (count, prompts) = byCount.first(where: { $0.key < 1 || $0.key > frame.responses }) {
      throw Failure("\(evaluator.name): a prompt has \(count) responses, of \(frame.responses)", prompt: prompts[0])
    }
    let entries = try byCount.map { count, _ in
      try evaluator.entry(for: shape(responses: count, isMixed: true), parameters: parameters)
    }
    if entries.first?.rows == .token {
      return try TokenEvaluation(evaluator, frame, entries[0]).run(output)
    }
    let parts = try zip(byCount, entries).map { group, entry in
      try GatheredPart(entry, prompts: group.value, count: group.key, valueCount: isLoss ? 1 : group.key, frame: frame) {
        try column($0)
      }
    }
    try BatchRun.run(parts.map(\.part), parameters: frame.parameters, state: frame.state)
    for part in parts { part.scatter(to: output, gradients: frame.gradients, frame: frame, isLoss: isLoss) }
  }

  private func clearAll(_ output: UnsafeMutablePointer<Double>) {
    output.update(repeating: 0, count: isLoss ? frame.prompts : frame.prompts * frame.responses)
    guard frame.cotangent != nil, let gradients = frame.gradients else { return }
    for (index, column) in evaluator.columns.enumerated() {
      guard column.isDifferentiable, let gradient = gradients[index] else { continue }
      let slots = column.extent == .response ? frame.responses : 1
      let references = column.isPerReference ? frame.references : 1
      gradient.update(repeating: 0, count: slots * references * rowCount(of: column))
    }
  }

  // MARK: Numbers that do not exist

  private func checkNumbers(_ output: UnsafeMutablePointer<Double>) throws {
    let count = isLoss ? frame.prompts : frame.prompts * frame.responses
    let bad = losskit_first_nan(output, count)
    if bad < count {
      throw Failure(
        "\(evaluator.name): the \(isLoss ? "loss" : "reward") of prompt \(bad % frame.prompts + 1) is not a number; "
          + "look at its columns", prompt: bad % frame.prompts)
    }
    guard frame.cotangent != nil, let gradients = frame.gradients else { return }
    for (index, column) in evaluator.columns.enumerated() where column.isDifferentiable && column.extent != .token {
      guard let gradient = gradients[index] else { continue }
      let references = column.isPerReference ? frame.references : 1
      let count = frame.prompts * (column.extent == .response ? frame.responses * references : references)
      let bad = losskit_first_nan(gradient, count)
      if bad < count {
        throw Failure(
          "\(evaluator.name): the gradient of \(column.name) of prompt \(bad % frame.prompts + 1) is not a number",
          prompt: bad % frame.prompts)
      }
    }
  }
}
