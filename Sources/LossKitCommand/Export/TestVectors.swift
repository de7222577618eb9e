import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitTraining

/// Inputs of an objective with its results; `losskit export --help` documents the layout.
struct TestVectors {
  /// The version of the layout; raised when a reader of the old one could misread it.
  static let version = 1

  private let objective: Objective

  init(_ objective: Objective) { self.objective = objective }

  /// The whole document.
  var json: Document {
    var state = objective.initialState
    let cases = VectorCase.all(for: objective).map { vector in
      let before = vector.followsFirst ? state : objective.initialState
      var after = before
      let text = json(vector, state: &after)
      if vector.name == "ordinary" { state = after }
      return text
    }
    return Document(members: head, cases: cases)
  }

  private var head: [(String, JSONValue)] {
    [
      ("format", .string("losskit vectors")), ("version", .number(Self.version)),
      ("objective", .string(objective.description)), ("hash", .string(objective.hash)),
      (
        "terms",
        .array(objective.terms.map { .object([("weight", .number($0.weight))] + members(of: $0.loss)) })
      ), ("reward", objective.reward.map { .object(members(of: $0)) } ?? .null),
      ("columns", .array(objective.columns.map(json))), ("rowwise", .bool(objective.isRowwise)),
    ]
  }

  private func members(of part: Objective.Part) -> [(String, JSONValue)] {
    let values = zip(part.component.parameters, part.values).map { parameter, value -> (String, JSONValue) in
      switch parameter.kind {
      case .real: (parameter.name, .number(value))
      case .integer: (parameter.name, .number(Int(value)))
      case .boolean: (parameter.name, .bool(value != 0))
      case .choice: (parameter.name, .string(parameter.format(value)))
      }
    }
    return [
      ("name", .string(part.component.name)), ("version", .string(part.component.version)),
      ("hyperparameters", .object(values)),
    ]
  }

  private func json(_ column: Column) -> JSONValue {
    .object([
      ("name", .string(column.name)), ("per", .string("\(column.extent)")),
      ("differentiable", .bool(column.isDifferentiable)), ("per_reference", .bool(column.isPerReference)),
      ("unit", column.unit.map(JSONValue.string) ?? .null), ("meaning", .string(meaning(of: column))),
    ])
  }

  /// The definition of a standard column, or what the first part that reads a column says of it.
  private func meaning(of column: Column) -> String {
    if let meaning = column.standardMeaning { return meaning }
    let parts = objective.terms.map(\.loss.component) + (objective.reward.map { [$0.component] } ?? [])
    let notes = parts.flatMap { zip($0.inputs, $0.inputSummaries) }
    return notes.first { column.name == $0.0.name }?.1 ?? ""
  }

  private func json(_ vector: VectorCase, state: inout [Double]) -> JSONValue {
    var columns = VectorColumns(vector, for: objective)
    let batch = columns.made()
    let inputs = objective.columns.map { ($0.name, numbers(batch.columns[$0.name] ?? [])) }
    var members: [(String, JSONValue)] = [
      ("name", .string(vector.name)), ("about", .string(vector.about)), ("prompts", .number(batch.prompts)),
      ("responses", .number(batch.responses)), ("references", .number(batch.references)),
      ("counts", batch.counts.map { .array($0.map { .number(Int($0)) }) } ?? .null),
      ("token_offsets", batch.tokenOffsets.map { .array($0.map(JSONValue.number)) } ?? .null),
      ("state", numbers(state)), ("inputs", .object(inputs)),
    ]
    do {
      let evaluation = try objective.evaluate(batch, state: &state)
      let gradients = objective.columns.compactMap { column in
        evaluation.gradients[column.name].map { (column.name, numbers($0)) }
      }
      members += [
        ("loss", numbers(evaluation.loss)), ("reward", numbers(evaluation.reward)), ("gradients", .object(gradients)),
        ("state_after", numbers(state)),
      ]
    } catch {
      members.append(("refused", .string((error as? Failure)?.message ?? "\(error)")))
    }
    return .object(members)
  }

  private func numbers(_ values: [Double]) -> JSONValue { .array(values.map(JSONValue.number)) }

  /// The document as text, with a line for each member and each case, so that versions can be compared.
  struct Document {
    let members: [(String, JSONValue)]
    let cases: [JSONValue]

    var text: String {
      let lines = members.map { "  \(JSONValue.string($0.0).compact): \($0.1.compact),\n" }.joined()
      let cases = cases.map { "    \($0.compact)" }.joined(separator: ",\n")
      return "{\n\(lines)  \"cases\": [\n\(cases)\n  ]\n}"
    }
  }
}

extension Column {
  /// The unit of the standard columns.
  fileprivate var unit: String? {
    if name.hasSuffix("logp") { return "nats" }
    return name.hasSuffix("token_count") ? "tokens" : nil
  }

  fileprivate var standardMeaning: String? {
    let mismatched = "mismatched_"
    guard name.hasPrefix(mismatched) else { return Self.meanings[name] }
    return Self.meanings[String(name.dropFirst(mismatched.count))].map { "\($0), of another prompt's response" }
  }

  private static let meanings = [
    logProbability.name: "the policy's log-probability of a response, a sum over its tokens",
    referenceLogProbability.name: "a reference's log-probability of a response, a sum over its tokens",
    tokenCount.name: "the number of tokens of a response, its end token included",
    score.name: "a response's score, higher is better",
    label.name: "1 for a desirable response, 0 for an undesirable one",
    tokenLogProbability.name: "the policy's log-probability of each token of a response",
    referenceTokenLogProbability.name: "a reference's log-probability of each token of a response",
  ]
}
