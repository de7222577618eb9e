import LossKit
import LossKitRuntime

/// Evaluates an objective for a policy on batches of a data set, calling the policy on a few prompts at a time.
struct BatchEvaluation {
  let objective: Objective
  let sources: ColumnSources
  let policy: PolicyInstance
  /// The references evaluated in every call; empty if their log-probabilities were computed in advance.
  let references: [PolicyInstance]

  /// Returns the metrics of a batch of examples without learning; reads `state` but does not update it.
  func metrics(
    of examples: [Int], in data: MeasuredData, callSize: Int, state: [Double], seed: UInt64, watch: Watch = Watch()
  ) throws -> [MetricsRecord.Metric] {
    let calls = try calls(examples, in: data, size: callSize)
    var state = state
    guard objective.isSeparable else {
      let whole = whole(examples, in: data)
      let table = try table(whole, collect(calls, into: whole, watch: watch), data)
      let evaluation = try evaluate(whole, table, state: &state, seed: seed, gradients: false)
      return try metrics(whole, table, evaluation)
    }
    var sums = PreferenceMetrics.Sums()
    try watch.forEach(calls, count: \.examples.count, phase: "evaluating") { call in
      let table = try table(call, forward(call), data)
      let evaluation = try evaluate(call, table, state: &state, seed: seed, gradients: false)
      try call.locatingFailures { try sums.add(table, evaluation) }
    }
    return try metrics(sums)
  }

  /// Adds the gradient of a batch's mean loss to the policy's accumulators, updates `state`, and returns the batch's metrics.
  ///
  /// If the loss depends on the whole batch, this collects the log-probabilities of all calls, evaluates the objective once, and repeats
  /// each call to backpropagate its part of the gradient.
  func learn(
    from examples: [Int], in data: MeasuredData, callSize: Int, state: inout [Double], seed: UInt64
  ) throws -> [MetricsRecord.Metric] {
    let calls = try calls(examples, in: data, size: callSize)
    let scale = 1 / Double(examples.count)
    guard !objective.isSeparable, calls.count > 1 else {
      var sums = PreferenceMetrics.Sums()
      for call in calls {
        let table = try table(call, forward(call, keepingActivations: true), data)
        let evaluation = try evaluate(call, table, state: &state, seed: seed, gradients: true)
        try backward(call, policyGradients(evaluation, scale: scale))
        try call.locatingFailures { try sums.add(table, evaluation) }
      }
      return try metrics(sums)
    }
    let whole = whole(examples, in: data)
    let table = try table(whole, collect(calls, into: whole), data)
    let evaluation = try evaluate(whole, table, state: &state, seed: seed, gradients: true)
    let gradients = policyGradients(evaluation, scale: scale)
    for (number, call) in calls.enumerated() {
      _ = try ownColumns(call, keepingActivations: true)
      try backward(call, part(of: gradients, for: call, from: number * callSize, of: whole))
    }
    return try metrics(whole, table, evaluation)
  }

  /// A batch of examples, split into calls. If the objective reads responses to other prompts, they are paired before the split.
  private func calls(_ examples: [Int], in data: MeasuredData, size: Int) throws -> [ExampleBatch] {
    let parts = chunks(of: examples, size: size)
    guard !sources.mismatchedColumns.isEmpty else { return parts.map { data.batch($0) } }
    return try zip(parts, chunks(of: data.partners(of: examples), size: size)).map { data.batch($0, partners: $1) }
  }

  /// Examples as one batch of the objective. Rankings of different lengths are not padded; pairs keep the layout of plugin functions.
  private func whole(_ examples: [Int], in data: MeasuredData) -> ExampleBatch {
    let counts = Set(examples.map { data.dataset.examples[$0].responses.count })
    return data.batch(examples, isRagged: counts.count > 1)
  }

  /// The columns computed in every call. Activations are kept for the policy's own responses only.
  private func forward(_ call: ExampleBatch, keepingActivations: Bool = false) throws -> [String: [Double]] {
    let others = try mismatchedColumns(call).merging(movingColumns(call)) { one, _ in one }
    return try others.merging(ownColumns(call, keepingActivations: keepingActivations)) { $1 }
  }

  /// The policy's columns for each prompt's own responses.
  private func ownColumns(_ call: ExampleBatch, keepingActivations: Bool) throws -> [String: [Double]] {
    try call.forward(
      policy, columns: sources.policyColumns, references: references, keepingActivations: keepingActivations)
  }

  /// The columns for responses to other prompts.
  private func mismatchedColumns(_ call: ExampleBatch) throws -> [String: [Double]] {
    guard let texts = try call.mismatchedTexts() else { return [:] }
    return try call.locatingFailures {
      var columns: [String: [Double]] = [:]
      func add(_ wanted: [ColumnSources.SuppliedColumn], of policy: PolicyInstance) throws {
        guard !wanted.isEmpty else { return }
        let supplied = try policy.forward(texts, columns: wanted.map(\.supplied.name))
        for column in wanted { columns[column.column.name, default: []] += supplied[column.supplied.name] ?? [] }
      }
      try add(sources.mismatchedPolicyColumns, of: policy)
      for reference in references { try add(sources.mismatchedReferenceColumns, of: reference) }
      if let column = sources.mismatchedTokenCount {
        columns[column.name] = try policy.measure(texts).tokenCounts.map(Double.init)
      }
      return columns
    }
  }

  /// The columns of references that change during the run.
  private func movingColumns(_ call: ExampleBatch) throws -> [String: [Double]] {
    guard sources.referencesMove, !sources.referenceColumns.isEmpty else { return [:] }
    var columns: [String: [Double]] = [:]
    for reference in references {
      let supplied = try call.forward(reference, columns: sources.referenceColumns.map(\.supplied))
      for column in sources.referenceColumns {
        columns[column.column.name, default: []] += supplied[column.supplied.name] ?? []
      }
    }
    return columns
  }

  private func backward(_ call: ExampleBatch, _ gradients: [String: [Double]]) throws {
    let columns = sources.policyColumns.filter { gradients[$0.name] != nil }
    try call.backward(
      policy, columns: columns, references: references,
      gradients: gradients.filter { gradient in columns.contains { $0.name == gradient.key } })
    try backwardMismatched(call, gradients)
  }

  /// Backpropagates the gradients of columns for responses to other prompts. An anchor has no gradient, so it costs nothing here.
  private func backwardMismatched(_ call: ExampleBatch, _ gradients: [String: [Double]]) throws {
    var supplied: [String: [Double]] = [:]
    for column in sources.mismatchedPolicyColumns {
      guard let gradient = gradients[column.column.name], gradient.contains(where: { $0 != 0 }) else { continue }
      supplied[column.supplied.name] = gradient
    }
    guard !supplied.isEmpty, let texts = try call.mismatchedTexts() else { return }
    try call.locatingFailures {
      _ = try policy.forward(texts, columns: supplied.keys.sorted(), keepingActivations: true)
      try policy.backward(texts, gradients: supplied)
    }
  }

  /// The computed columns of a whole batch, concatenated from its consecutive calls.
  private func collect(
    _ calls: [ExampleBatch], into whole: ExampleBatch, watch: Watch = Watch()
  ) throws -> [String: [Double]] {
    var columns: [String: [Double]] = [:]
    var start = 0
    try watch.forEach(calls, count: \.examples.count, phase: "evaluating") { call in
      let part = try forward(call)
      for column in sources.computedColumns {
        guard let values = part[column.name] else { continue }
        let count = whole.layout.count(of: column.extent) * referenceCount(column)
        for reference in 0..<referenceCount(column) {
          call.layout.copy(
            values, to: &columns[column.name, default: [Double](repeating: 0, count: count)], in: whole.layout,
            extent: column.extent, prompts: call.examples.indices.lazy.map { ($0, start + $0) },
            reference: reference, otherReference: reference)
        }
      }
      start += call.examples.count
    }
    return columns
  }

  /// One call's part of the gradients of a whole batch; `start` is the call's first prompt in the batch.
  private func part(
    of gradients: [String: [Double]], for call: ExampleBatch, from start: Int, of whole: ExampleBatch
  ) -> [String: [Double]] {
    var parts: [String: [Double]] = [:]
    for column in sources.gradientColumns {
      guard let values = gradients[column.name] else { continue }
      var part = [Double](repeating: 0, count: call.layout.count(of: column.extent) * referenceCount(column))
      for reference in 0..<referenceCount(column) {
        whole.layout.copy(
          values, to: &part, in: call.layout, extent: column.extent,
          prompts: call.examples.indices.lazy.map { (start + $0, $0) }, reference: reference, otherReference: reference)
      }
      parts[column.name] = part
    }
    return parts
  }

  private func referenceCount(_ column: Column) -> Int { column.isPerReference ? references.count : 1 }

  /// All columns of a batch as a table.
  private func table(_ batch: ExampleBatch, _ computed: [String: [Double]], _ data: MeasuredData) -> Batch {
    var columns = computed
    var referenceCount = references.count
    for column in sources.entries.map(\.column) where !sources.computedColumns.contains(column) {
      columns[column.name] = data.values(of: column.name, for: batch)
      if column.isPerReference { referenceCount = data.columns[column.name]?.references ?? referenceCount }
    }
    return Batch(
      prompts: batch.examples.count, responses: batch.layout.responses, references: referenceCount,
      counts: batch.counts, isRagged: batch.layout.isRagged,
      tokenOffsets: sources.hasTokenColumns ? batch.layout.tokenOffsets : nil, columns: columns)
  }

  private func evaluate(
    _ batch: ExampleBatch, _ table: Batch, state: inout [Double], seed: UInt64, gradients: Bool
  ) throws -> Evaluation {
    try batch.locatingFailures {
      try objective.evaluate(table, state: &state, seed: seed, gradients: gradients)
    }
  }

  /// The gradients with respect to the columns that the policy supplied.
  private func policyGradients(_ evaluation: Evaluation, scale: Double) -> [String: [Double]] {
    let supplied = Set(sources.gradientColumns.map(\.name))
    return evaluation.gradients.filter { supplied.contains($0.key) }.mapValues { $0.map { $0 * scale } }
  }

  private func metrics(
    _ batch: ExampleBatch, _ table: Batch, _ evaluation: Evaluation
  ) throws -> [MetricsRecord.Metric] {
    var sums = PreferenceMetrics.Sums()
    try batch.locatingFailures { try sums.add(table, evaluation) }
    return try metrics(sums)
  }

  private func metrics(_ sums: PreferenceMetrics.Sums) throws -> [MetricsRecord.Metric] {
    try sums.metrics(rewardScale: objective.rewardScale).list.map { MetricsRecord.Metric($0.name, $0.value) }
  }
}
