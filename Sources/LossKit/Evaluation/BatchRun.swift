import CLossKitKernels

/// A part of a batch: the prompts that have the same number of responses, with the program for that number.
package struct BatchPart {
  package var program: Program
  package var columns: ProgramColumns
  /// The index in the whole batch of each of its rows; nil: all rows in order.
  package var rowIndices: [Int]?

  package init(program: Program, columns: ProgramColumns, rowIndices: [Int]? = nil) {
    self.program = program
    self.columns = columns
    self.rowIndices = rowIndices
  }
}

/// A run of a whole batch whose parts share their statistics, stage by stage.
package struct BatchRun {
  private var parts: [RunningPart]
  private let rows: Int

  private struct RunningPart {
    let part: BatchPart
    var scalars: [Double]
    let temporaries: TemporaryColumns
  }

  /// The columns a part keeps from stage to stage.
  private final class TemporaryColumns {
    let columns: [UnsafeMutablePointer<Double>]

    init(count: Int, rows: Int) {
      columns = (0..<count).map { _ in
        let column = UnsafeMutablePointer<Double>.allocate(capacity: max(rows, 1))
        column.initialize(repeating: 0, count: max(rows, 1))
        return column
      }
    }

    deinit { for column in columns { column.deallocate() } }
  }

  /// Runs all parts; `state` is read, then holds the values after. Throws where parts do not pair their statistics.
  package static func run(
    _ parts: [BatchPart], parameters: UnsafePointer<Double>?, state: UnsafeMutablePointer<Double>?,
    level: Int32 = Int32(LOSSKIT_LEVEL_AUTOMATIC)
  ) throws {
    var run = BatchRun(parts, parameters: parameters, state: state.map { UnsafePointer($0) })
    let stageCount = parts.map(\.program.stages.count).max() ?? 0
    for stage in 0..<stageCount {
      for index in run.parts.indices { run.runPart(index, stage: stage, level: level) }
      try run.runStatistics(after: stage)
    }
    guard let state, let first = run.parts.first else { return }
    for (index, scalar) in first.part.program.stateResults.enumerated() { state[index] = first.scalars[scalar] }
  }

  private init(_ parts: [BatchPart], parameters: UnsafePointer<Double>?, state: UnsafePointer<Double>?) {
    let rows = parts.reduce(0) { $0 + $1.columns.rows }
    self.rows = rows
    self.parts = parts.map { part in
      var scalars = part.program.scalarTemplate
      scalars.withUnsafeMutableBufferPointer {
        part.program.prepare($0, parameters: parameters, state: state, batchCount: rows)
      }
      return RunningPart(
        part: part, scalars: scalars,
        temporaries: TemporaryColumns(count: part.program.temporaryCount, rows: part.columns.rows))
    }
  }

  private mutating func runPart(_ index: Int, stage: Int, level: Int32) {
    let part = parts[index].part
    guard stage < part.program.stages.count else { return }
    let current = part.program.stages[stage]
    parts[index].scalars.withUnsafeMutableBufferPointer { scalars in
      part.program.runScalars(current, scalars)
    }
    let temporaries = parts[index].temporaries
    parts[index].scalars.withUnsafeMutableBufferPointer { scalars in
      part.program.runSegment(
        current.segment, scalars, rows: part.columns.rows, level: level,
        column: { place in
          switch place {
          case .external(let external): part.columns.externals[external]
          case .temporary(let temporary): UnsafePointer(temporaries.columns[temporary])
          case .scalar: nil
          }
        },
        destination: { result in
          switch result {
          case .output(let output): part.columns.outputs[output]
          case .temporary(let temporary): temporaries.columns[temporary]
          }
        })
    }
  }

  private mutating func runStatistics(after stage: Int) throws {
    let instructions = parts.map { part in
      part.part.program.stages.indices.contains(stage) ? part.part.program.stages[stage].batch : []
    }
    for (index, instruction) in (instructions.first ?? []).enumerated() {
      let same = instructions.map { list in
        list.first { $0.operation == instruction.operation && $0.serial == instruction.serial }
      }
      guard instructions.allSatisfy({ $0.count == instructions[0].count }), same.allSatisfy({ $0 != nil }) else {
        throw Failure(
          "the batch statistics of rankings of different length do not pair: statistic \(index + 1) of stage \(stage + 1) "
            + "depends on the number of responses; take batchMean over a sum of all responses")
      }
      perform(same.compactMap { $0 })
    }
    if let first = instructions.first, first.isEmpty, instructions.contains(where: { !$0.isEmpty }) {
      throw Failure("the batch statistics of rankings of different length do not pair; use as many for every length")
    }
  }

  /// One statistic, of all parts together.
  private mutating func perform(_ instructions: [Program.BatchInstruction]) {
    guard let operation = instructions.first?.operation else { return }
    let values = gather(instructions.map(\.operand))
    switch operation {
    case .batchMean, .batchMeanGradient:
      let mean = rows == 0 ? 0 : pairwiseSum(values) / Double(rows)
      for (index, instruction) in instructions.enumerated() {
        if case .scalar(let scalar) = instruction.result { parts[index].scalars[scalar] = mean }
      }
    case .batchSorted:
      let order = sortedOrder(of: values)
      scatter(order.map { values[$0] }, to: instructions.map(\.result))
    default:
      let order = sortedOrder(of: gather(instructions.compactMap(\.key)))
      var unsorted = values
      for (rank, row) in order.enumerated() { unsorted[row] = values[rank] }
      scatter(unsorted, to: instructions.map(\.result))
    }
  }

  /// Ascending and stable; NaN last, so that it cannot hide.
  private func sortedOrder(of values: [Double]) -> [Int] {
    values.indices.sorted { a, b in
      if values[a] == values[b] { return a < b }
      if values[a].isNaN || values[b].isNaN { return values[a].isNaN == values[b].isNaN ? a < b : values[b].isNaN }
      return values[a] < values[b]
    }
  }

  private func gather(_ places: [Program.Place]) -> [Double] {
    var values = [Double](repeating: 0, count: rows)
    for (index, place) in places.enumerated() {
      let part = parts[index]
      for row in 0..<part.part.columns.rows {
        let value =
          switch place {
          case .scalar(let scalar): part.scalars[scalar]
          case .external(let external): part.part.columns.externals[external][row]
          case .temporary(let temporary): part.temporaries.columns[temporary][row]
          }
        values[part.part.rowIndices?[row] ?? row] = value
      }
    }
    return values
  }

  private mutating func scatter(_ values: [Double], to places: [Program.Place]) {
    for (index, place) in places.enumerated() {
      guard case .temporary(let temporary) = place else { continue }
      for row in 0..<parts[index].part.columns.rows {
        parts[index].temporaries.columns[temporary][row] = values[parts[index].part.rowIndices?[row] ?? row]
      }
    }
  }
}
