package import CLossKitKernels

/// An objective's rows that do not depend on each other, evaluated from a host's columns into a host's columns, of either
/// precision and any stride, without anything of the batch's size between.
///
/// Each row's results are those of `FrameEvaluation`, to the bit; it is the plain version beside this one.
package struct StreamedEvaluation {
  private let entry: GraphEvaluator.Entry
  private let valueCount: Int

  /// nil where rows depend on each other or on what is not a host's column, or where a gradient is wanted by what is not read.
  ///
  /// `gradients` has a bit for each of the evaluator's columns whose gradient is wanted. Without rewards nothing is computed for them,
  /// and whether they are finite is not looked at.
  package init?(
    _ evaluator: GraphEvaluator, responses: Int, references: Int, gradients: UInt64, wantsRewards: Bool
  ) throws {
    guard !evaluator.hasStructure, evaluator.stateCount == 0 else { return nil }
    let shape = GraphEvaluator.Shape(
      responses: responses, references: references, structure: [], gradients: gradients, isMixed: false,
      isLossAlone: !wantsRewards)
    entry = try evaluator.entry(for: shape, parameters: [])
    let program = entry.program
    guard entry.rows != .token, program.isRowwise, !program.needsGeneratedColumns, entry.zeros.isEmpty else {
      return nil
    }
    valueCount = wantsRewards ? evaluator.valueCount(responses) : 1
  }

  /// The sum of the losses of all rows; nil where a column is not there, or a number is not finite: results may then be partly
  /// written.
  ///
  /// `input` gives the column of a slot, `value` that for the loss (0) or the reward of a rank (1 and on), `gradient` that for the
  /// gradient by a slot; one without data is not written. `schedule` is handed the number of rows and a function that evaluates some
  /// of them.
  package func run(
    rows: Int, input: (InputSlot) -> losskit_host_column?, value: (Int) -> losskit_host_column,
    gradient: (InputSlot) -> losskit_host_column,
    schedule: (_ rows: Int, _ evaluate: (Range<Int>) -> Double?) -> Double?
  ) -> Double? {
    let program = entry.program
    return withUnsafeTemporaryAllocation(of: losskit_host_column.self, capacity: program.externals.count) { externals in
      for (index, external) in program.externals.enumerated() {
        guard case .input(let slot) = external, let column = input(slot) else { return nil }
        externals.initializeElement(at: index, to: column)
      }
      return withUnsafeTemporaryAllocation(of: losskit_host_column.self, capacity: program.outputCount) { outputs in
        for index in outputs.indices {
          outputs.initializeElement(
            at: index, to: index < valueCount ? value(index) : gradient(entry.gradients[index - valueCount]))
        }
        return schedule(rows) { program.runStreamed($0, externals: externals, outputs: outputs) }
      }
    }
  }
}

extension Program {
  /// The sum of the first output over some rows of a rowwise program without parameters; nil where a number is not finite.
  func runStreamed(
    _ rows: Range<Int>, externals: UnsafeMutableBufferPointer<losskit_host_column>,
    outputs: UnsafeMutableBufferPointer<losskit_host_column>
  ) -> Double? {
    let (inputCount, resultCount) = (streamed.inputs.count, streamed.results.count)
    let scratchSize = losskit_scratch_size(streamed.registers, inputCount, resultCount)
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: scalarTemplate.count) { scalars in
      prepare(scalars, parameters: nil, state: nil, batchCount: rows.count)
      runScalars(stages[0], scalars)
      return withUnsafeTemporaryAllocation(of: losskit_host_input.self, capacity: inputCount) { inputs in
        func column(_ place: Place) -> losskit_host_column? {
          guard case .external(let external) = place else { return nil }
          return externals[external]
        }
        for (index, input) in streamed.inputs.enumerated() {
          guard let values = column(input.values) else { return nil }
          var subtracted = losskit_host_column()
          if let place = input.subtracted {
            guard let column = column(place) else { return nil }
            subtracted = column
          }
          inputs.initializeElement(at: index, to: losskit_host_input(values: values, subtracted: subtracted))
        }
        return withUnsafeTemporaryAllocation(of: losskit_host_column.self, capacity: resultCount) { results in
          var sumPlace = 0
          for (index, result) in streamed.results.enumerated() {
            guard case .output(let output) = result else { return nil }
            results.initializeElement(at: index, to: outputs[output])
            if output == 0 { sumPlace = index }
          }
          return withUnsafeTemporaryAllocation(of: Double.self, capacity: scratchSize) { scratch in
            streamed.instructions.withUnsafeBufferPointer { instructions in
              var sum = 0.0
              let problem = losskit_run_streamed(
                instructions.baseAddress, instructions.count, streamed.registers, inputs.baseAddress, inputCount,
                scalars.baseAddress, results.baseAddress, resultCount, scratch.baseAddress, rows.lowerBound,
                rows.upperBound, Int32(LOSSKIT_LEVEL_AUTOMATIC), sumPlace, &sum)
              return problem == 0 ? sum : nil
            }
          }
        }
      }
    }
  }
}
