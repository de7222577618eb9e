import CLossKit

/// The prompts of a mixed batch that have the same number of responses, their columns copied together.
final class GatheredPart {
  private(set) var part: BatchPart
  private let entry: GraphEvaluator.Entry
  private let prompts: [Int]
  private let count: Int
  private let valueCount: Int
  private let generated: GeneratedColumns
  private let storage: UnsafeMutablePointer<Double>

  init(
    _ entry: GraphEvaluator.Entry, prompts: [Int], count: Int, valueCount: Int, frame: losskit_frame,
    column: (Int) throws -> UnsafePointer<Double>
  ) throws {
    self.entry = entry
    self.prompts = prompts
    self.count = count
    self.valueCount = valueCount
    let rows = prompts.count
    let externals = entry.program.externals
    generated = GeneratedColumns(entry.program, seed: frame.seed, rows: rows, rowIndices: prompts)
    storage = .allocate(capacity: max(1, rows * (externals.count + entry.program.outputCount)))
    storage.initialize(repeating: 0, count: max(1, rows * (externals.count + entry.program.outputCount)))
    part = BatchPart(program: entry.program, columns: ProgramColumns(externals: [], outputs: [], rows: rows))
    var pointers: [UnsafePointer<Double>] = []
    for (index, external) in externals.enumerated() {
      let copy = storage.advanced(by: index * rows)
      switch external {
      case .input(let slot):
        // Slots count the K of the prompt's own ranking, the frame's columns the K of the batch.
        let source = try column(slot.column)
        let (reference, rank) = slot.slot.quotientAndRemainder(dividingBy: count)
        let offset = (reference * frame.responses + rank) * frame.prompts
        for (row, prompt) in prompts.enumerated() { copy[row] = source[offset + prompt] }
        pointers.append(UnsafePointer(copy))
      case .cotangent(let output):
        if let cotangent = frame.cotangent {
          for (row, prompt) in prompts.enumerated() { copy[row] = cotangent[output * frame.prompts + prompt] }
        }
        pointers.append(UnsafePointer(copy))
      default: pointers.append(try generated.column(external))
      }
    }
    let outputs = (0..<entry.program.outputCount).map { storage.advanced(by: (externals.count + $0) * rows) }
    part.columns = ProgramColumns(externals: pointers, outputs: outputs, rows: rows)
    part.rowIndices = prompts
  }

  deinit { storage.deallocate() }

  /// Writes the part's values and gradients to where the batch has them.
  func scatter(
    to output: UnsafeMutablePointer<Double>, gradients: UnsafePointer<UnsafeMutablePointer<Double>?>?,
    frame: losskit_frame
  ) {
    for index in 0..<valueCount {
      for (row, prompt) in prompts.enumerated() {
        output[index * frame.prompts + prompt] = part.columns.outputs[index][row]
      }
    }
    for (index, slot) in entry.gradients.enumerated() {
      guard let gradient = gradients?[slot.column] else { continue }
      let (reference, rank) = slot.slot.quotientAndRemainder(dividingBy: count)
      let offset = (reference * frame.responses + rank) * frame.prompts
      for (row, prompt) in prompts.enumerated() {
        gradient[offset + prompt] = part.columns.outputs[valueCount + index][row]
      }
    }
  }
}
