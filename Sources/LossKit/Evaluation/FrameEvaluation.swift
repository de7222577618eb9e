package import CLossKit
import CLossKitKernels

/// One call: the columns of a frame, bound to the program for its shape, and run.
package struct FrameEvaluation {
  private let evaluator: GraphEvaluator
  private let frame: losskit_frame

  package init(_ evaluator: GraphEvaluator, _ frame: losskit_frame) {
    self.evaluator = evaluator
    self.frame = frame
  }

  /// Evaluates the frame. Throws for a column that is missing, and for a value that does not exist.
  ///
  /// `schedule` is handed the number of rows and a function that evaluates some of them, where they can be evaluated apart.
  package func run(
    _ schedule: (_ rows: Int, _ evaluate: (Range<Int>) -> Void) -> Void = { rows, evaluate in evaluate(0..<rows) }
  ) throws {
    guard frame.prompts > 0 else { return }
    guard let output = frame.output else { throw Failure("\(evaluator.name): the call brings no array for its output") }
    if isMixed {
      try runMixed(output)
    } else {
      let entry = try evaluator.entry(for: shape(responses: frame.responses, isMixed: false), parameters: parameters)
      clearUnread(entry)
      if entry.rows == .token {
        try TokenEvaluation(evaluator, frame, entry).run(output)
      } else if entry.program.isRowwise, evaluator.stateCount == 0 {
        try runRowwise(entry, output, schedule)
      } else {
        try runWhole(entry, output)
      }
    }
    // An objective's results are looked at by whoever hands them on.
    if case .objective = evaluator.kind { return }
    try checkNumbers(UnsafePointer(output))
  }

  private var valueCount: Int { evaluator.valueCount(frame.responses) }

  private var parameters: [Double] { evaluator.isStructural.indices.map { frame.parameters?[$0] ?? .nan } }

  private var isMixed: Bool {
    guard let counts = frame.counts else { return false }
    return (0..<frame.prompts).contains { counts[$0] != UInt32(frame.responses) }
  }

  private func shape(responses: Int, isMixed: Bool) -> GraphEvaluator.Shape {
    var mask: UInt64 = 0
    if frame.cotangent != nil, let gradients = frame.gradients {
      for index in evaluator.differentiable where gradients[index] != nil { mask |= 1 << UInt64(index) }
    }
    let structure = evaluator.hasStructure ? zip(parameters, evaluator.isStructural).filter(\.1).map(\.0) : []
    return GraphEvaluator.Shape(
      responses: responses, references: frame.references, structure: structure, gradients: mask, isMixed: isMixed)
  }

  // MARK: All prompts have K responses

  /// Nothing is allocated on this path: for a few pairs it would cost more than the arithmetic.
  private func runRowwise(
    _ entry: GraphEvaluator.Entry, _ output: UnsafeMutablePointer<Double>,
    _ schedule: (_ rows: Int, _ evaluate: (Range<Int>) -> Void) -> Void
  ) throws {
    let program = entry.program
    let generated =
      program.needsGeneratedColumns ? GeneratedColumns(program, seed: frame.seed, rows: frame.prompts) : nil
    try withUnsafeTemporaryAllocation(of: UnsafePointer<Double>.self, capacity: program.externals.count) { externals in
      for index in program.externals.indices {
        externals.initializeElement(at: index, to: try pointer(to: program.externals[index], generated))
      }
      try withUnsafeTemporaryAllocation(
        of: UnsafeMutablePointer<Double>.self, capacity: program.outputCount
      ) { outputs in
        try bind(outputs, entry, output)
        schedule(frame.prompts) { rows in
          program.runRows(rows, externals: externals, outputs: outputs, parameters: frame.parameters)
        }
      }
    }
    withExtendedLifetime(generated) {}
  }

  private func runWhole(_ entry: GraphEvaluator.Entry, _ output: UnsafeMutablePointer<Double>) throws {
    let generated = GeneratedColumns(entry.program, seed: frame.seed, rows: frame.prompts)
    let externals = try entry.program.externals.map { try pointer(to: $0, generated) }
    let outputs = try (0..<entry.program.outputCount).map { try target($0, entry, output) }
    let columns = ProgramColumns(externals: externals, outputs: outputs, rows: frame.prompts)
    try BatchRun.run(
      [BatchPart(program: entry.program, columns: columns)], parameters: frame.parameters, state: frame.state)
    withExtendedLifetime(generated) {}
  }

  private func pointer(to external: Program.External, _ generated: GeneratedColumns?) throws -> UnsafePointer<Double> {
    switch external {
    case .input(let slot): return try column(slot.column).advanced(by: slot.slot * frame.prompts)
    case .cotangent(let index):
      guard let cotangent = frame.cotangent else { throw Failure("\(evaluator.name): a gradient without a cotangent") }
      return cotangent.advanced(by: index * frame.prompts)
    default:
      guard let generated else { throw Failure("\(external) is not known for this kind of component") }
      return try generated.column(external)
    }
  }

  private func bind(
    _ outputs: UnsafeMutableBufferPointer<UnsafeMutablePointer<Double>>, _ entry: GraphEvaluator.Entry,
    _ output: UnsafeMutablePointer<Double>
  ) throws {
    for index in outputs.indices { outputs.initializeElement(at: index, to: try target(index, entry, output)) }
  }

  /// Where a result of the program goes: values first, then gradients.
  private func target(
    _ index: Int, _ entry: GraphEvaluator.Entry, _ output: UnsafeMutablePointer<Double>
  ) throws -> UnsafeMutablePointer<Double> {
    if index < valueCount { return output.advanced(by: index * frame.prompts) }
    let slot = entry.gradients[index - valueCount]
    guard let gradient = frame.gradients?[slot.column] else {
      throw Failure("\(evaluator.name): the call brings no array for a gradient")
    }
    return gradient.advanced(by: slot.slot * frame.prompts)
  }

  /// Gradients of what the formula does not read are 0.
  private func clearUnread(_ entry: GraphEvaluator.Entry) {
    for slot in entry.zeros {
      let rows = rowCount(of: evaluator.columns[slot.column])
      frame.gradients?[slot.column]?.advanced(by: slot.slot * rows).update(repeating: 0, count: rows)
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
      ) { try column($0) }
    }
    try BatchRun.run(parts.map(\.part), parameters: frame.parameters, state: frame.state)
    for part in parts { part.scatter(to: output, gradients: frame.gradients, frame: frame) }
  }

  private func clearAll(_ output: UnsafeMutablePointer<Double>) {
    output.update(repeating: 0, count: frame.prompts * valueCount)
    forEachGradient { gradient, _, count in gradient.update(repeating: 0, count: count) }
  }

  /// The gradients that are wanted, with their columns' indices and their sizes.
  private func forEachGradient(_ body: (UnsafeMutablePointer<Double>, _ column: Int, _ count: Int) throws -> Void)
    rethrows
  {
    guard frame.cotangent != nil, let gradients = frame.gradients else { return }
    for index in evaluator.differentiable {
      guard let gradient = gradients[index] else { continue }
      let column = evaluator.columns[index]
      let slots = column.extent == .response ? frame.responses : 1
      let references = column.isPerReference ? frame.references : 1
      try body(gradient, index, slots * references * rowCount(of: column))
    }
  }

  // MARK: Numbers that do not exist

  private func checkNumbers(_ output: UnsafePointer<Double>) throws {
    try check(output, count: frame.prompts * valueCount, of: "value")
    try forEachGradient { gradient, column, count in
      if evaluator.columns[column].extent != .token {
        try check(gradient, count: count, of: "derivative by \(evaluator.columns[column].name)")
      }
    }
  }

  /// A component's infinity is its own affair: what is made of it may be finite.
  private func check(_ values: UnsafePointer<Double>, count: Int, of what: @autoclosure () -> String) throws {
    let bad = losskit_first_nan(values, count)
    guard bad < count else { return }
    let prompt = bad % frame.prompts
    throw Failure(
      "\(evaluator.name): the \(what()) of prompt \(prompt + 1) is not a number; look at its columns", prompt: prompt)
  }
}
