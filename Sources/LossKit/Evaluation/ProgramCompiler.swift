import CLossKitKernels

extension Program {
  /// Makes a program that writes the values of `results` to its outputs, and the values of `states` to the states.
  package static func compile(_ graph: Graph, results: [Int], states: [Int]) -> Program {
    let (graph, places) = graph.lowered()
    var compiler = ProgramCompiler(graph: graph, results: results.map { places[$0] }, states: states.map { places[$0] })
    return compiler.compile()
  }
}

private struct ProgramCompiler {
  let graph: Graph
  let results: [Int]
  let states: [Int]

  private let reached: [Bool]
  private let isRow: [Bool]
  private let stageOf: [Int]
  /// The outputs that a node's value goes to.
  private let outputsOf: [Int: [Int]]
  private var externals: [Program.External] = []
  private var scalars: [Double] = []
  private var scalarSources: [(scalar: Int, source: Program.ScalarSource)] = []
  private var temporaries = 0
  /// Where a node's value can be found by all stages from the one that makes it.
  private var places: [Program.Place?]
  private var stages: [Program.Stage]

  init(graph: Graph, results: [Int], states: [Int]) {
    self.graph = graph
    self.results = results
    self.states = states
    reached = graph.reached(from: results + states)
    isRow = graph.rowDependence
    stageOf = Self.stages(of: graph)
    outputsOf = Dictionary(grouping: results.indices) { results[$0] }
    places = Array(repeating: nil, count: graph.nodes.count)
    let last = zip(stageOf, reached).filter(\.1).map(\.0).max() ?? 0
    stages = Array(repeating: Program.Stage(), count: last + 1)
  }

  private static func stages(of graph: Graph) -> [Int] {
    var stages = [Int](repeating: 0, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      let operands = node.operands.map { stages[$0] }.max() ?? 0
      stages[index] = node.operation.isBatch ? operands + 1 : operands
    }
    return stages
  }

  mutating func compile() -> Program {
    placeLeaves()
    placeTemporaries()
    for stage in stages.indices {
      placeScalars(stage)
      compileRows(stage)
      placeBatch(after: stage)
    }
    let stateResults = states.map { state -> Int in
      if case .scalar(let scalar) = places[state] { scalar } else { 0 }
    }
    return Program(
      externals: externals, outputCount: results.count, stages: stages, scalarTemplate: scalars,
      scalarSources: scalarSources, temporaryCount: temporaries, stateResults: stateResults)
  }

  // MARK: Where values lie

  private mutating func placeLeaves() {
    for (index, node) in graph.nodes.enumerated() where reached[index] {
      switch node.operation {
      case .constant: places[index] = scalar(node.value)
      case .parameter: places[index] = scalar(0, from: .parameter(node.a))
      case .state: places[index] = scalar(0, from: .state(node.a))
      case .batchCount: places[index] = scalar(0, from: .batchCount)
      case .input: places[index] = external(.input(InputSlot(column: node.a, slot: node.b)))
      case .rowIndex: places[index] = external(.rowIndex)
      case .uniform: places[index] = external(.uniform(stream: UInt32(truncatingIfNeeded: node.a)))
      case .tokenIndex: places[index] = external(.tokenIndex)
      case .tokenCount: places[index] = external(.tokenCount)
      case .tokenShortest: places[index] = external(.tokenShortest)
      case .tokenRandomRank:
        places[index] = external(.tokenRandomRank(stream: UInt32(truncatingIfNeeded: node.a)))
      case .cotangent: places[index] = external(.cotangent(output: node.a))
      default: break
      }
    }
  }

  private mutating func scalar(_ value: Double, from source: Program.ScalarSource? = nil) -> Program.Place {
    scalars.append(value)
    if let source { scalarSources.append((scalars.count - 1, source)) }
    return .scalar(scalars.count - 1)
  }

  private mutating func external(_ external: Program.External) -> Program.Place {
    externals.append(external)
    return .external(externals.count - 1)
  }

  private mutating func temporary() -> Program.Place {
    temporaries += 1
    return .temporary(temporaries - 1)
  }

  /// A row value that a later stage or a statistic reads has to outlast its block.
  private mutating func placeTemporaries() {
    for (index, node) in graph.nodes.enumerated() where reached[index] {
      for operand in node.operands where isRow[operand] && places[operand] == nil {
        if node.operation.isBatch || stageOf[operand] < stageOf[index] { places[operand] = temporary() }
      }
      if node.operation == .batchSorted || node.operation == .batchUnsorted { places[index] = temporary() }
    }
    // A value that is made in a stage before the last and asked for as a result needs nothing: its own stage writes it.
  }

  private mutating func placeScalars(_ stage: Int) {
    for (index, node) in graph.nodes.enumerated()
    where reached[index] && !isRow[index] && stageOf[index] == stage && places[index] == nil {
      let operands = node.operands.map { scalarIndex(of: $0) } + [0, 0]
      let place = scalar(0)
      places[index] = place
      stages[stage].scalars.append(
        Program.ScalarInstruction(
          operation: node.operation, result: scalarIndex(of: index), a: operands[0], b: operands[1], c: operands[2]))
    }
  }

  private func scalarIndex(of node: Int) -> Int {
    if case .scalar(let index) = places[node] { index } else { 0 }
  }

  private mutating func placeBatch(after stage: Int) {
    for (index, node) in graph.nodes.enumerated()
    where reached[index] && node.operation.isBatch && stageOf[index] == stage + 1 {
      if !isRow[index] { places[index] = scalar(0) }
      guard let operand = places[node.a], let result = places[index] else { continue }
      stages[stage].batch.append(
        Program.BatchInstruction(
          operation: node.operation, serial: Int(node.value), operand: operand,
          key: node.operation == .batchUnsorted ? places[node.b] : nil, result: result))
    }
  }

  // MARK: Rows

  private mutating func compileRows(_ stage: Int) {
    var rows = RowCompiler()
    let members = graph.nodes.indices.filter {
      reached[$0] && isRow[$0] && stageOf[$0] == stage && graph.nodes[$0].operation.arity > 0
        && !graph.nodes[$0].operation.isBatch
    }
    rows.countUses(of: members, in: graph)
    for index in members {
      var copies = (outputsOf[index] ?? []).map { Program.Result.output($0) }
      if case .temporary(let temporary) = places[index] { copies.append(.temporary(temporary)) }
      let node = graph.nodes[index]
      rows.emit(node.operation.kernel, for: index, operands: node.operands, places: places, storing: copies)
    }
    // Results that no instruction of this stage makes: inputs, numbers of the whole batch, statistics.
    let made = Set(members)
    for (position, result) in results.enumerated() where stageOf[result] == stage && !made.contains(result) {
      rows.copy(result, places: places, to: .output(position))
    }
    stages[stage].segment = rows.segment
  }
}

/// The instructions of one stage, with registers given out as values come and go.
private struct RowCompiler {
  var segment = Program.Segment()
  private var uses: [Int: Int] = [:]
  private var registers: [Int: UInt32] = [:]
  /// Values that are results: they are read where they are written.
  private var stored: [Int: UInt32] = [:]
  private var free: [UInt32] = []
  private var inputs: [Program.Place: UInt32] = [:]

  mutating func countUses(of members: [Int], in graph: Graph) {
    for operand in members.flatMap({ graph.nodes[$0].operands }) { uses[operand, default: 0] += 1 }
  }

  mutating func emit(
    _ kernel: UInt32, for node: Int, operands: [Int], places: [Program.Place?], storing copies: [Program.Result]
  ) {
    let codes = operands.map { code(of: $0, places: places) } + [0, 0]
    for operand in operands { release(operand) }
    let result: UInt32
    if let first = copies.first {
      result = code(of: first)
      stored[node] = result
    } else {
      let register = free.popLast() ?? newRegister()
      registers[node] = register
      result = UInt32(LOSSKIT_IN_REGISTER) | register
    }
    segment.instructions.append(
      losskit_instruction(kernel: kernel, result: result, a: codes[0], b: codes[1], c: codes[2]))
    for copy in copies.dropFirst() { append(copyOf: result, to: copy) }
  }

  mutating func copy(_ node: Int, places: [Program.Place?], to result: Program.Result) {
    append(copyOf: code(of: node, places: places), to: result)
  }

  private mutating func append(copyOf operand: UInt32, to result: Program.Result) {
    segment.instructions.append(
      losskit_instruction(kernel: UInt32(LOSSKIT_KERNEL_COPY), result: code(of: result), a: operand, b: 0, c: 0))
  }

  private mutating func newRegister() -> UInt32 {
    segment.registers += 1
    return UInt32(segment.registers - 1)
  }

  private mutating func release(_ node: Int) {
    guard let count = uses[node], let register = registers[node] else { return }
    uses[node] = count - 1
    if count == 1 {
      free.append(register)
      registers[node] = nil
    }
  }

  private mutating func code(of node: Int, places: [Program.Place?]) -> UInt32 {
    if let register = registers[node] { return UInt32(LOSSKIT_IN_REGISTER) | register }
    if let result = stored[node] { return result }
    switch places[node] {
    case .scalar(let scalar): return UInt32(LOSSKIT_IN_SCALAR) | UInt32(scalar)
    case .some(let place):
      if let code = inputs[place] { return code }
      segment.inputs.append(place)
      let code = UInt32(LOSSKIT_IN_INPUT) | UInt32(segment.inputs.count - 1)
      inputs[place] = code
      return code
    case nil: return 0
    }
  }

  private mutating func code(of result: Program.Result) -> UInt32 {
    segment.results.append(result)
    return UInt32(LOSSKIT_IN_OUTPUT) | UInt32(segment.results.count - 1)
  }
}

extension Operation {
  /// The kernel that does it for rows.
  fileprivate var kernel: UInt32 {
    let kernel =
      switch self {
      case .add: LOSSKIT_KERNEL_ADD
      case .subtract: LOSSKIT_KERNEL_SUBTRACT
      case .multiply: LOSSKIT_KERNEL_MULTIPLY
      case .divide: LOSSKIT_KERNEL_DIVIDE
      case .minimum: LOSSKIT_KERNEL_MINIMUM
      case .maximum: LOSSKIT_KERNEL_MAXIMUM
      case .annihilate: LOSSKIT_KERNEL_ANNIHILATE
      case .negate: LOSSKIT_KERNEL_NEGATE
      case .exp: LOSSKIT_KERNEL_EXP
      case .expm1: LOSSKIT_KERNEL_EXPM1
      case .log: LOSSKIT_KERNEL_LOG
      case .log1p: LOSSKIT_KERNEL_LOG1P
      case .sqrt: LOSSKIT_KERNEL_SQRT
      case .tanh: LOSSKIT_KERNEL_TANH
      case .sigmoid: LOSSKIT_KERNEL_SIGMOID
      case .logSigmoid: LOSSKIT_KERNEL_LOG_SIGMOID
      case .softplus: LOSSKIT_KERNEL_SOFTPLUS
      case .log1mexp: LOSSKIT_KERNEL_LOG1MEXP
      case .abs: LOSSKIT_KERNEL_ABS
      case .square: LOSSKIT_KERNEL_SQUARE
      case .relu: LOSSKIT_KERNEL_RELU
      case .floor: LOSSKIT_KERNEL_FLOOR
      case .sign: LOSSKIT_KERNEL_SIGN
      case .select: LOSSKIT_KERNEL_SELECT
      case .clamp: LOSSKIT_KERNEL_CLAMP
      case .expNegativeAbs: LOSSKIT_KERNEL_EXP_NEGATIVE_ABS
      case .sigmoidFrom: LOSSKIT_KERNEL_SIGMOID_FROM
      case .sigmoidOfNegativeFrom: LOSSKIT_KERNEL_SIGMOID_OF_NEGATIVE_FROM
      case .logSigmoidFrom: LOSSKIT_KERNEL_LOG_SIGMOID_FROM
      case .softplusFrom: LOSSKIT_KERNEL_SOFTPLUS_FROM
      case .softplusOfNegativeFrom: LOSSKIT_KERNEL_SOFTPLUS_OF_NEGATIVE_FROM
      default: LOSSKIT_KERNEL_COPY
      }
    return UInt32(kernel)
  }
}
