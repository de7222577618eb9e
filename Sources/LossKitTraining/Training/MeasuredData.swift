import LossKit
import LossKitRuntime

/// A data set with what is computed before training: token counts, scores, labels, and the references' log-probabilities.
final class MeasuredData {
  /// A column of the whole data set.
  struct StoredColumn: Equatable {
    let extent: Column.Extent
    let references: Int
    var values: [Double]
  }

  /// The data, without pairs whose responses are equal after truncation to the policy's context.
  let dataset: PreferenceDataset
  /// The layout of the stored columns.
  let layout: ColumnLayout
  /// The numbers of prompts and responses truncated to fit the policy's context.
  let truncatedPrompts, truncatedResponses: Int
  /// The lines of pairs left out because their responses are equal after truncation.
  let equalAfterCut: [Int]
  private(set) var columns: [String: StoredColumn] = [:]

  /// Tokenizes every response of a data set with the policy's tokenizer, `batchSize` prompts at a time, and stores the token counts and
  /// the columns that the rows supply.
  init(
    _ dataset: PreferenceDataset, columns: [Column], measuredBy policy: PolicyInstance, batchSize: Int,
    watch: Watch = Watch()
  ) throws {
    var tokenCounts = dataset.examples.map { [Int](repeating: 0, count: $0.responses.count) }
    var isCut = dataset.examples.map { [Bool](repeating: false, count: $0.responses.count) }
    let batches = chunks(of: Array(dataset.examples.indices), size: batchSize)
    try watch.forEach(batches, count: \.count, phase: "counting tokens") { prompts in
      let batch = ExampleBatch(prompts, of: dataset)
      let measured = try batch.locatingFailures { try policy.measure(batch.texts()) }
      for (place, prompt) in prompts.enumerated() {
        for rank in tokenCounts[prompt].indices {
          let entry = batch.layout.response(rank, ofPrompt: place)
          tokenCounts[prompt][rank] = Int(measured.tokenCounts[entry])
          isCut[prompt][rank] = measured.truncated[entry] > 0
        }
      }
    }
    let cut = try Truncation(
      dataset, isCut: isCut, tokenCounts: tokenCounts, policy: policy, batchSize: batchSize)
    (truncatedPrompts, truncatedResponses) = (cut.prompts, cut.responses)
    equalAfterCut = cut.equalPairs.map { dataset.examples[$0].line }
    let leftOut = Set(cut.equalPairs)
    let kept = dataset.examples.indices.filter { !leftOut.contains($0) }
    var keptData = dataset
    keptData.examples = kept.map { dataset.examples[$0] }
    self.dataset = keptData
    guard !kept.isEmpty else {
      throw Failure(
        "\(dataset.source): no pair is left: chosen and rejected are equal once they are cut to fit the policy; give it a longer "
          + "context, or other data")
    }
    layout = .ragged(counts: kept.map { tokenCounts[$0].count }, tokenCounts: kept.flatMap { tokenCounts[$0] })
    store(Column.tokenCount, kept.flatMap { tokenCounts[$0].map(Double.init) })
    try storeGiven(columns)
  }

  /// Describes the truncation; nil if there was none.
  var cutText: String? {
    guard truncatedPrompts + truncatedResponses > 0 else { return nil }
    var text =
      "\(dataset.source): cut to fit the policy: the beginning of \(counted(truncatedPrompts, "prompt")), the end of "
      + "\(counted(truncatedResponses, "response"))"
    if !equalAfterCut.isEmpty {
      text += "; left out: " + lineList(equalAfterCut, "whose chosen and rejected are equal then", noun: "pair")
    }
    return text
  }

  /// Stores the columns that the rows supply. Throws if a column over tokens does not match the token counts of the policy's tokenizer.
  private func storeGiven(_ wanted: [Column]) throws {
    for column in wanted {
      guard let given = try dataset.given(column) else { continue }
      if column.extent == .token { try check(given) }
      store(column, given.values, references: given.references)
    }
  }

  private func check(_ given: GivenColumn) throws {
    var response = 0
    for example in dataset.examples {
      for rank in example.responses.indices {
        let count = layout.tokenOffsets[response + 1] - layout.tokenOffsets[response]
        guard given.tokenCounts[response] == count else {
          throw Failure(
            """
            \(dataset.source), line \(example.line): response \(example.places[rank] + 1) of \
            \(given.keys.joined(separator: " and ")) has \(given.tokenCounts[response]) values, and the policy counts \(count) \
            tokens, the end token included; write one for each
            """)
        }
        response += 1
      }
    }
  }

  /// Stores a column of the whole data set, with `references` values per entry.
  func store(_ column: Column, _ values: [Double], references: Int = 1) {
    columns[column.name] = StoredColumn(extent: column.extent, references: references, values: values)
  }

  /// The given examples as a batch, without padding if `isRagged` is set, which calls of a policy cannot take. `partners` are the examples
  /// whose responses replace each one's own for objectives that read responses to other prompts.
  func batch(_ examples: [Int], partners: [Int]? = nil, isRagged: Bool = false) -> ExampleBatch {
    ExampleBatch(examples, of: dataset, partners: partners, isRagged: isRagged) { [layout] example, rank in
      let response = layout.response(rank, ofPrompt: example)
      return layout.tokenOffsets[response + 1] - layout.tokenOffsets[response]
    }
  }

  /// A stored column's values for the examples of a batch; nil if there is no such column.
  func values(of name: String, for batch: ExampleBatch) -> [Double]? {
    guard let column = columns[name] else { return nil }
    var values = [Double](repeating: 0, count: batch.layout.count(of: column.extent) * column.references)
    for reference in 0..<column.references {
      layout.copy(
        column.values, to: &values, in: batch.layout, extent: column.extent,
        prompts: batch.examples.enumerated().lazy.map { ($0.element, $0.offset) },
        reference: reference, otherReference: reference)
    }
    return values
  }
}

/// Some examples of a data set, passed to the policy or the objective in one call.
struct ExampleBatch {
  /// Their indices in the data set.
  let examples: [Int]
  /// The examples whose responses replace each one's own, if the objective reads responses to other prompts.
  private let partners: [Int]?
  /// The layout of their columns.
  let layout: ColumnLayout
  private let dataset: PreferenceDataset

  init(
    _ examples: [Int], of dataset: PreferenceDataset, partners: [Int]? = nil, isRagged: Bool = false,
    tokenCount: (_ example: Int, _ rank: Int) -> Int = { _, _ in 0 }
  ) {
    self.examples = examples
    self.partners = partners
    self.dataset = dataset
    let counts = examples.map { dataset.examples[$0].responses.count }
    layout =
      isRagged
      ? .ragged(
        counts: counts,
        tokenCounts: zip(examples, counts).flatMap { example, count in (0..<count).map { tokenCount(example, $0) } })
      : .rankMajor(counts: counts) { tokenCount(examples[$0], $1) }
  }

  /// The number of responses of each prompt; nil if all have the same.
  var counts: [UInt32]? {
    layout.counts.allSatisfy { $0 == layout.responses } ? nil : layout.counts.map(UInt32.init)
  }

  /// The texts. Throws if a prompt has no response.
  func texts() throws -> Texts {
    try Texts(
      prompts: examples.map { dataset.examples[$0].prompt }, responses: examples.map { dataset.examples[$0].responses })
  }

  /// The same prompts, each response replaced by its partner's response of the same rank, or by the partner's last if it has fewer.
  func mismatchedTexts() throws -> Texts? {
    guard let partners else { return nil }
    let responses = zip(layout.counts, partners).map { count, partner in
      let others = dataset.examples[partner].responses
      return (0..<count).map { others[min($0, others.count - 1)] }
    }
    return try Texts(prompts: examples.map { dataset.examples[$0].prompt }, responses: responses)
  }

  /// Runs a call for this batch; adds the line of the data to a failure that names a prompt.
  func locatingFailures<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let failure as Failure {
      guard let prompt = failure.prompt, examples.indices.contains(prompt) else { throw failure }
      let line = dataset.examples[examples[prompt]].line
      throw Failure(
        "\(dataset.source), \(line > 0 ? "line \(line)" : "example \(examples[prompt] + 1)"): \(failure.message)")
    }
  }
}

/// Splits the elements into runs of `size`; the last may be shorter.
func chunks<Element>(of elements: [Element], size: Int) -> [[Element]] {
  stride(from: 0, to: elements.count, by: max(1, size)).map { Array(elements[$0..<min($0 + size, elements.count)]) }
}
