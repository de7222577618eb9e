import LossKit
import LossKitRuntime
import LossKitTraining

/// Rows of the input of `losskit evaluate` that are evaluated as one batch, and their form in the file.
struct InputTable {
  /// A column of the file.
  struct InputColumn {
    let keys: ColumnKeys
    /// The values, as long as they are, by row, reference, response and token; none once they are in the batch.
    fileprivate var values: [Double] = []
    /// The form that each row's values have in the file.
    fileprivate(set) var forms: [Form] = []

    fileprivate init(_ keys: ColumnKeys) { self.keys = keys }
  }

  /// What the file may write in more than one way.
  struct Form: OptionSet {
    let rawValue: UInt8
    /// An array over references.
    static let references = Form(rawValue: 1)
    /// A bare number for a single response.
    static let singleNumber = Form(rawValue: 2)
  }

  /// The columns in use.
  private(set) var columns: [InputColumn]
  /// All values, as objectives read them.
  private(set) var batch: Batch
  private let name: String
  /// The line in the file of each prompt.
  private var lines: [Int] = []
  private var responseCounts: [Int] = []
  /// The number of tokens of each response, row by row; empty if no column is per token.
  private var tokenCounts: [Int] = []
  private var responses = 0, tokens = 0

  /// The most responses or tokens of a block; a single row may have more.
  private static let mostEntries = 1 << 16

  /// Creates a table without rows.
  init(name: String, keys: [ColumnKeys], references: Int) {
    self.name = name
    columns = keys.map(InputColumn.init)
    batch = Batch(prompts: 0, responses: 1, references: references)
  }

  /// Whether a block with one more row stays small.
  func hasRoom(for row: InputRows.Row) -> Bool {
    responses + row.responses <= Self.mostEntries && tokens + row.tokens <= Self.mostEntries
  }

  /// Appends a row.
  mutating func append(_ row: InputRows.Row) {
    lines.append(row.line)
    responseCounts.append(row.responses)
    batch.responses = max(batch.responses, row.responses)
    responses += row.responses
    tokens += row.tokens
    for place in columns.indices {
      let values = row.columns[place]
      columns[place].values += values.values
      var form: Form = []
      if values.hasReferences { form.insert(.references) }
      if values.isSingleNumber { form.insert(.singleNumber) }
      columns[place].forms.append(form)
    }
    if let place = columns.firstIndex(where: { $0.keys.column.extent == .token }) {
      tokenCounts += row.columns[place].tokenCounts
    }
  }

  /// Makes the batch of all rows.
  mutating func finish() {
    batch.prompts = lines.count
    if responseCounts.contains(where: { $0 != batch.responses }) {
      batch.counts = responseCounts.map { UInt32($0) }
      batch.isRagged = true
    }
    if columns.contains(where: { $0.keys.column.extent == .token }) { batch.tokenOffsets = tokenOffsets }
    for place in columns.indices {
      let column = columns[place].keys.column
      batch.columns[column.name] = batch.withShape { entries(of: column, columns[place].values, $0) }
      columns[place].values = []
    }
  }

  /// A column as the batch has it, from the values in the order of the file.
  private func entries(of column: Column, _ values: [Double], _ shape: BatchShape) -> [Double] {
    var entries = [Double](repeating: 0, count: shape.count(of: column))
    var next = 0
    for prompt in 0..<shape.prompts {
      for reference in 0..<(column.isPerReference ? shape.references : 1) {
        for rank in 0..<(column.extent == .prompt ? 1 : responseCounts[prompt]) {
          for entry in shape.entries(per: column.extent, rank: rank, prompt: prompt, reference: reference) {
            entries[entry] = values[next]
            next += 1
          }
        }
      }
    }
    return entries
  }

  /// The start of each response's tokens, best responses first unless the batch is ragged.
  private var tokenOffsets: [Int] {
    var offsets = [0]
    offsets.reserveCapacity(responses + 1)
    for row in tokenCounts.indices {
      let (rank, prompt) = row.quotientAndRemainder(dividingBy: lines.count)
      offsets.append((offsets.last ?? 0) + tokenCounts[batch.isRagged ? row : prompt * batch.responses + rank])
    }
    return offsets
  }

  /// Runs a closure with the batch. A failure is one of the data; one about a prompt names its line.
  func locatingFailures<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let failure as Failure {
      let line = failure.prompt.flatMap { lines.indices.contains($0) ? ", line \(lines[$0])" : nil } ?? ""
      throw CommandFailure(status: .data, message: "\(name)\(line): \(failure.message)")
    }
  }
}
