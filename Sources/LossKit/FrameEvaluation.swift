package import CLossKit
import CLossKitKernels

/// One call: the columns of a frame, bound to the program for its shape, and run.
package struct FrameEvaluation {
  private let evaluator: GraphEvaluator
  private let frame: losskit_frame
  private let parameters: [Double]

  package init(_ evaluator: GraphEvaluator, _ frame: losskit_frame) {
    self.evaluator = evaluator
    self.frame = frame
    parameters = evaluator.isStructural.indices.map { frame.parameters?[$0] ?? .nan }
  }

  private var valueCount: Int { evaluator.valueCount(frame.responses) }

  /// Evaluates the frame. Throws for a column that is missing, and for a value that does not exist.
  ///
  /// `schedule` is handed the number of rows and a function that evaluates some of them, where they can be evaluated apart.
  package func run(
    _ schedule: (_ rows: Int, _ evaluate: (Range<Int>) -> Void) -> Void = { rows, evaluate in evaluate(0..<rows) }
  ) throws {
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
        try runUniform(entry, output, schedule)
      }
    }
    try checkNumbers(UnsafePointer(output))
  }

  private var isMixed: Bool {
    guard let counts = frame.counts else { return false }
    return (0..<frame.prompts).contains { counts[$0] != UInt32(frame.responses) }
  }

  private func shape(responses: Int, isMixed: Bool) -> GraphEvaluator.Shape {
    var mask: UInt64 = 0
    if frame.cotangent != nil, let gradients = frame.gradients {
      for (index, column) in evaluator.columns.enumerated() where column.isDifferentiable && gradients[index] != nil {
        mask |= 1 << UInt64(index)
      }
    }
    let structure = zip(parameters, evaluator.isStructural).filter(\.1).map(\.0)
    return GraphEvaluator.Shape(
      responses: responses, references: frame.references, structure: structure, gradients: mask, isMixed: isMixed)
  }

  // MARK: All prompts have K responses

  private func runUniform(
    _ entry: GraphEvaluator.Entry, _ output: UnsafeMutablePointer<Double>,
    _ schedule: (_ rows: Int, _ evaluate: (Range<Int>) -> Void) -> Void
  ) throws {
    let stride = frame.prompts
    let generated = GeneratedColumns(entry.program, seed: frame.seed, rows: stride)
    let externals = try entry.program.externals.map { external in
      switch external {
      case .input(let slot): try column(slot.column).advanced(by: slot.slot * stride)
      case .cotangent(let index): try cotangent().advanced(by: index * stride)
      default: try generated.column(external)
      }
    }
    let outputs = (0..<valueCount).map { output.advanced(by: $0 * stride) } + gradientTargets(entry, stride: stride)
    let columns = ProgramColumns(externals: externals, outputs: outputs, rows: stride)
    if entry.program.isRowwise, evaluator.stateCount == 0 {
      schedule(stride) { rows in
        entry.program.runRows(columns, rows, parameters: frame.parameters)
      }
    } else {
      let part = BatchPart(program: entry.program, columns: columns)
      try BatchRun.run([part], parameters: frame.parameters, state: frame.state)
    }
    withExtendedLifetime(generated) {}
  }

  private func gradientTargets(_ entry: GraphEvaluator.Entry, stride: Int) -> [UnsafeMutablePointer<Double>] {
    entry.gradients.compactMap { slot in
      frame.gradients?[slot.column]?.advanced(by: slot.slot * stride)
    }
  }

  /// Gradients of what the formula does not read are 0.
  private func clearUnused(_ entry: GraphEvaluator.Entry) {
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
      try GatheredPart(
        entry, prompts: group.value, count: group.key, valueCount: evaluator.valueCount(group.key), frame: frame
      ) {
        try column($0)
      }
    }
    try BatchRun.run(parts.map(\.part), parameters: frame.parameters, state: frame.state)
    for part in parts { part.scatter(to: output, gradients: frame.gradients, frame: frame) }
  }

  private func clearAll(_ output: UnsafeMutablePointer<Double>) {
    output.update(repeating: 0, count: frame.prompts * valueCount)
    guard frame.cotangent != nil, let gradients = frame.gradients else { return }
    for (index, column) in evaluator.columns.enumerated() {
      guard column.isDifferentiable, let gradient = gradients[index] else { continue }
      let slots = column.extent == .response ? frame.responses : 1
      let references = column.isPerReference ? frame.references : 1
      gradient.update(repeating: 0, count: slots * references * rowCount(of: column))
    }
  }

  // MARK: Numbers that do not exist

  private func checkNumbers(_ output: UnsafePointer<Double>) throws {
    try check(output, count: frame.prompts * valueCount, of: "value")
    guard frame.cotangent != nil, let gradients = frame.gradients else { return }
    for (index, column) in evaluator.columns.enumerated() where column.isDifferentiable && column.extent != .token {
      guard let gradient = gradients[index] else { continue }
      let references = column.isPerReference ? frame.references : 1
      let slots = column.extent == .response ? frame.responses * references : references
      try check(gradient, count: frame.prompts * slots, of: "derivative by \(column.name)")
    }
  }

  /// An objective is handed on to an optimizer, which infinity would ruin; a component's infinity is its own affair.
  private func check(_ values: UnsafePointer<Double>, count: Int, of what: @autoclosure () -> String) throws {
    let bad: Int
    if case .objective = evaluator.kind {
      bad = losskit_first_nonfinite(values, count)
    } else {
      bad = losskit_first_nan(values, count)
    }
    guard bad < count else { return }
    let prompt = bad % frame.prompts
    let problem = values[bad].isNaN ? "is not a number" : "is infinite"
    throw Failure(
      "\(evaluator.name): the \(what()) of prompt \(prompt + 1) \(problem); look at its columns", prompt: prompt)
  }
}
