import CLossKitKernels

/// The columns of one run: each external's, and each output's.
package struct ProgramColumns {
  /// In the order of the program's externals.
  package var externals: [UnsafePointer<Double>]
  /// In the order of the program's results.
  package var outputs: [UnsafeMutablePointer<Double>]
  /// The number of rows they have.
  package var rows: Int

  package init(externals: [UnsafePointer<Double>], outputs: [UnsafeMutablePointer<Double>], rows: Int) {
    self.externals = externals
    self.outputs = outputs
    self.rows = rows
  }
}

extension Program {
  /// Runs a rowwise program, which has no state, over some of the rows of its columns.
  package func runRows(
    _ rows: Range<Int>, externals: UnsafeMutableBufferPointer<UnsafePointer<Double>>,
    outputs: UnsafeMutableBufferPointer<UnsafeMutablePointer<Double>>, parameters: UnsafePointer<Double>?,
    level: Int32 = Int32(LOSSKIT_LEVEL_AUTOMATIC)
  ) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: scalarTemplate.count) { scalars in
      prepare(scalars, parameters: parameters, state: nil, batchCount: rows.count)
      runScalars(stages[0], scalars)
      runSegment(
        stages[0].segment, scalars, rows: rows.count, level: level,
        column: { place in
          if case .external(let index) = place { externals[index] + rows.lowerBound } else { nil }
        },
        destination: { result in
          if case .output(let index) = result { outputs[index] + rows.lowerBound } else { nil }
        })
    }
  }

  /// Fills in the numbers of the whole batch that are known before it runs.
  func prepare(
    _ scalars: UnsafeMutableBufferPointer<Double>, parameters: UnsafePointer<Double>?, state: UnsafePointer<Double>?,
    batchCount: Int
  ) {
    _ = scalars.initialize(from: scalarTemplate)
    for (scalar, source) in scalarSources {
      switch source {
      case .parameter(let index): scalars[scalar] = parameters?[index] ?? .nan
      case .state(let index): scalars[scalar] = state?[index] ?? .nan
      case .batchCount: scalars[scalar] = Double(batchCount)
      }
    }
  }

  func runScalars(_ stage: Stage, _ scalars: UnsafeMutableBufferPointer<Double>) {
    for instruction in stage.scalars {
      scalars[instruction.result] = instruction.operation(
        scalars[instruction.a], scalars[instruction.b], scalars[instruction.c])
    }
  }

  func runSegment(
    _ segment: Segment, _ scalars: UnsafeMutableBufferPointer<Double>, rows: Int, level: Int32,
    column: (Place) -> UnsafePointer<Double>?, destination: (Result) -> UnsafeMutablePointer<Double>?
  ) {
    if segment.instructions.isEmpty || rows == 0 { return }
    let inputCount = segment.inputs.count
    let outputCount = segment.results.count
    let scratchSize = losskit_scratch_size(segment.registers, inputCount, outputCount)
    withUnsafeTemporaryAllocation(of: UnsafePointer<Double>?.self, capacity: inputCount) { inputs in
      for index in 0..<inputCount { inputs[index] = column(segment.inputs[index]) }
      withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Double>?.self, capacity: outputCount) { outputs in
        for index in 0..<outputCount { outputs[index] = destination(segment.results[index]) }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: scratchSize) { scratch in
          segment.instructions.withUnsafeBufferPointer { instructions in
            losskit_run(
              instructions.baseAddress, instructions.count, segment.registers, inputs.baseAddress, inputCount,
              scalars.baseAddress, outputs.baseAddress, outputCount, scratch.baseAddress, rows, level)
          }
        }
      }
    }
  }
}
