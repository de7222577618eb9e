import LossKit
package import LossKitRuntime

/// The loss of an objective on one prompt's responses, and its derivatives with respect to log π, at any point.
///
/// The references' log-probabilities are 0 (except when batches are checked for independence), so a point is log π − log π_ref of each
/// response, in nats; without a reference, log π itself.
package struct ForceField {
  /// The loss at a point, and its derivatives with respect to log π of each response, best first.
  package struct Sample {
    package let loss: Double
    package let slopes: [Double]
  }

  /// The number of responses of a point: 2 for pairs, 1 for feedback on single responses.
  package let responseCount: Int
  /// Whether the coordinates are the implicit rewards.
  private(set) var showsRewards = false
  private let objective: Objective

  /// Throws, with the reason and the remedy, if the objective's dynamics are not those of one pair or one response.
  package init(_ objective: Objective) throws {
    self.objective = objective
    responseCount = objective.responses.contains(2) ? 2 : 1
    guard objective.responses.contains(responseCount) else {
      throw refusal("it takes \(objective.responses.lowerBound) responses or more", "plot it with fewer responses")
    }
    for column in objective.columns where !column.isOptional && value(of: column, Response(), label: 1) == nil {
      throw refusal(
        "it reads the column '\(column.name)', which is not a function of log π of whole responses",
        "see the curves of a run of 'losskit compare'")
    }
    try checkIndependence()
    let probes = probes
    let rewards = try evaluate(probes, label: 1, state: objective.initialState).reward
    showsRewards = !rewards.isEmpty && rewards == (0..<responseCount).flatMap { rank in probes.map { $0[rank] } }
  }

  /// Whether the origin is where policy and reference are equal.
  var hasReference: Bool { objective.needsReference }
  /// Whether the loss differs between desirable and undesirable responses.
  var readsLabel: Bool { reads(.label) }

  /// The values assumed for columns other than log-probabilities.
  var assumptions: [String] {
    var texts: [String] = []
    if reads(.tokenCount) { texts.append("responses of \(Int(Self.tokenCount)) tokens") }
    if reads(.score) { texts.append(responseCount == 2 ? "scores 1 and 0" : "score 1") }
    if objective.columns.contains(where: { $0.name.hasPrefix(Self.mismatchedPrefix) }) {
      texts.append("responses to other prompts as likely as under the reference")
    }
    if !objective.isRowwise { texts.append(responseCount == 2 ? "a batch of one pair" : "a batch of one response") }
    return texts
  }

  /// The range of interest, in nats: where β makes the loss nonlinear, and up to 0 if there is no reference.
  package var range: ClosedRange<Double> {
    let source = objective.reward?.component.inputs ?? objective.columns
    let isPerToken = source.contains { $0.name == Column.tokenCount.name }
    // A pair's margin is the difference of two rewards; a single response saturates later.
    let bend = (responseCount == 2 ? 1.2 : 4) / objective.rewardScale
    let reach = min(max(isPerToken ? 2 : 10, bend), 5000) * (isPerToken ? Self.tokenCount : 1)
    return hasReference ? -reach...reach : -2 * reach...0
  }

  /// Evaluates points of `responseCount` coordinates each, in nats. `label` is 1 for desirable responses, 0 for others.
  package func samples(at places: [[Double]], label: Double = 1) throws -> [Sample] {
    let batches = objective.isRowwise ? [places] : places.map { [$0] }
    return try batches.flatMap { try samples(ofBatch: $0, label: label, state: objective.initialState) }
  }

  // MARK: - Evaluation

  private static let tokenCount = 20.0
  private static let mismatchedPrefix = "mismatched_"

  private func reads(_ column: Column) -> Bool { objective.columns.contains { $0.name == column.name } }

  /// The coordinates of a response.
  private struct Response {
    var place = 0.0
    /// log π_ref.
    var reference = 0.0
    var rank = 0
  }

  /// A column's entry for a response; nil for an unknown column.
  private func value(of column: Column, _ response: Response, label: Double) -> Double? {
    switch column.name {
    case Column.logProbability.name: response.place + response.reference
    case Column.referenceLogProbability.name: response.reference
    case Column.tokenCount.name: Self.tokenCount
    case Column.score.name: response.rank == 0 ? 1 : 0
    case Column.label.name: label
    default: column.name.hasPrefix(Self.mismatchedPrefix) ? mismatchedValue(of: column) : nil
    }
  }

  /// The same for a response to another prompt, whose policy and reference are equal.
  private func mismatchedValue(of column: Column) -> Double? {
    switch column.name.dropFirst(Self.mismatchedPrefix.count) {
    case Column.logProbability.name, Column.referenceLogProbability.name: 0
    case Column.tokenCount.name: Self.tokenCount
    default: nil
    }
  }

  /// `references` are log π_ref of each point's responses; 0 if nil.
  private func evaluate(
    _ places: [[Double]], references: [[Double]]? = nil, label: Double, state: [Double]
  ) throws -> Evaluation {
    var batch = Batch(prompts: places.count, responses: responseCount, references: max(1, objective.referenceCount))
    for column in objective.columns {
      let once = (0..<responseCount).flatMap { rank in
        places.indices.compactMap { index in
          let reference = hasReference ? references?[index][rank] ?? 0 : 0
          let response = Response(place: places[index][rank], reference: reference, rank: rank)
          return value(of: column, response, label: label)
        }
      }
      guard !once.isEmpty else { continue }
      let copies = column.isPerReference ? batch.references : 1
      batch.columns[column.name] = [[Double]](repeating: once, count: copies).flatMap { $0 }
    }
    var state = state
    return try objective.evaluate(batch, state: &state)
  }

  private func samples(
    ofBatch places: [[Double]], references: [[Double]]? = nil, label: Double, state: [Double]
  ) throws -> [Sample] {
    let evaluation = try evaluate(places, references: references, label: label, state: state)
    let slopes = evaluation.gradients[Column.logProbability.name]
    return places.indices.map { index in
      Sample(
        loss: evaluation.loss[index],
        slopes: (0..<responseCount).map { slopes?[$0 * places.count + index] ?? 0 })
    }
  }

  // MARK: - Unsupported objectives

  /// Points in general position.
  private var probes: [[Double]] {
    [[0.31, 0.62], [0.56, 0.17], [0.83, 0.71]].map { fractions in
      fractions.prefix(responseCount).map { range.lowerBound + $0 * (range.upperBound - range.lowerBound) }
    }
  }

  /// Throws if the force on a pair depends on the other pairs of its batch or on earlier batches.
  private func checkIndependence() throws {
    let label = 1.0
    let state = objective.initialState
    let alone = try probes.flatMap { try samples(ofBatch: [$0], label: label, state: state) }
    if !objective.isRowwise {
      // References differ too: a loss may compare them with those of other pairs.
      let references = probes.map { $0.map { -$0.magnitude } }
      let apart = try zip(probes, references).flatMap {
        try samples(ofBatch: [$0], references: [$1], label: label, state: state)
      }
      let together = try samples(ofBatch: probes, references: references, label: label, state: state)
      guard Self.agree(apart, together) else {
        throw refusal(
          "the force on a pair depends on the other pairs of its batch", "see the curves of a run of 'losskit compare'")
      }
    }
    if !state.isEmpty {
      let later = try probes.flatMap { try samples(ofBatch: [$0], label: label, state: state.map { $0 + 1 }) }
      guard Self.agree(alone, later) else {
        throw refusal(
          "the force on a pair depends on the batches before, by what the loss keeps as state",
          "see the curves of a run of 'losskit compare'")
      }
    }
  }

  private static func agree(_ first: [Sample], _ second: [Sample]) -> Bool {
    let scale = (first + second).flatMap(\.slopes).map(\.magnitude).max() ?? 0
    return zip(first.flatMap(\.slopes), second.flatMap(\.slopes)).allSatisfy { ($0 - $1).magnitude <= 1e-9 * scale }
  }

  private func refusal(_ reason: String, _ remedy: String) -> Failure {
    Failure("the dynamics of \(objective.description) cannot be plotted: \(reason); \(remedy)")
  }
}
