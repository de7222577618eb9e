// The names are those of losskit.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CLossKit
import LossKit
import LossKitRuntime

// The objective functions of losskit.h, which documents them.

/// Makes an objective from its text.
@c @implementation
public func losskit_objective_open(
  _ registry: losskit_registry_ref?, _ text: UnsafePointer<CChar>?,
  _ settings: UnsafePointer<UnsafePointer<CChar>?>?, _ settingCount: Int, _ reward: UnsafePointer<CChar>?,
  _ objective: UnsafeMutablePointer<losskit_objective_ref?>?, _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let function = "losskit_objective_open"
    let target = try required(objective, function, "objective")
    target.pointee = nil
    let registry = try Handles.registries.object(registry).registry
    let settings = try texts(settings, count: settingCount, function, "settings").map { try Setting(parsing: $0) }
    let objective = try Objective(
      String(cString: required(text, function, "text")), settings: settings,
      reward: reward.map { String(cString: $0) }, in: registry)
    target.pointee = try Handles.objectives.insert(HostedObjective(objective))
  }
}

/// Returns the resolved text.
@c @implementation
public func losskit_objective_text(
  _ objective: losskit_objective_ref?, _ text: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let target = try required(text, "losskit_objective_text", "text")
    target.pointee = nil
    try give(Handles.objectives.object(objective).objective.description, to: target)
  }
}

/// Returns the hash of everything that determines what is optimized.
@c @implementation
public func losskit_objective_hash(
  _ objective: losskit_objective_ref?, _ text: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let target = try required(text, "losskit_objective_hash", "text")
    target.pointee = nil
    try give(Handles.objectives.object(objective).objective.hash, to: target)
  }
}

/// Returns the objective's properties.
@c @implementation
public func losskit_objective_describe(
  _ objective: losskit_objective_ref?, _ info: UnsafeMutablePointer<losskit_objective_info>?,
  _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    try required(info, "losskit_objective_describe", "info").pointee = Handles.objectives.object(objective).info
  }
}

/// Returns a column's properties.
@c @implementation
public func losskit_objective_column(
  _ objective: losskit_objective_ref?, _ index: Int, _ column: UnsafeMutablePointer<losskit_column_info>?,
  _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    try required(column, "losskit_objective_column", "column").pointee =
      Handles.objectives.object(objective).columnInfo(at: index)
  }
}

/// Writes the initial state.
@c @implementation
public func losskit_objective_initial_state(
  _ objective: losskit_objective_ref?, _ state: UnsafeMutablePointer<Double>?, _ count: Int,
  _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let values = try Handles.objectives.object(objective).objective.initialState
    guard count == values.count else {
      throw Failure("the objective keeps \(values.count) numbers of state, and there is room for \(count)")
    }
    if values.isEmpty { return }
    try required(state, "losskit_objective_initial_state", "state").update(from: values, count: count)
  }
}

/// Evaluates a batch.
@c @implementation
public func losskit_objective_evaluate(
  _ objective: losskit_objective_ref?, _ batch: UnsafePointer<losskit_batch>?, _ state: UnsafeMutablePointer<Double>?,
  _ stateCount: Int, _ seed: UInt64, _ results: UnsafeMutablePointer<losskit_results>?,
  _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  evaluate("losskit_objective_evaluate", objective, batch, results, failure) { objective, batch, results in
    try BoundBatch.with(objective, batch) { batch in
      try HostEvaluation(batch, state: state, stateCount: stateCount, seed: seed).run(results)
    }
  }
}

/// Evaluates a batch whose responses stand prompt by prompt.
@c @implementation
public func losskit_objective_evaluate_ragged(
  _ objective: losskit_objective_ref?, _ batch: UnsafePointer<losskit_batch>?, _ state: UnsafeMutablePointer<Double>?,
  _ stateCount: Int, _ seed: UInt64, _ results: UnsafeMutablePointer<losskit_results>?,
  _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  evaluate("losskit_objective_evaluate_ragged", objective, batch, results, failure) { objective, batch, results in
    try BoundBatch.withRagged(objective, batch) { batch in
      try HostEvaluation(batch, state: state, stateCount: stateCount, seed: seed).run(results)
    }
  }
}

private func evaluate(
  _ function: String, _ objective: losskit_objective_ref?, _ batch: UnsafePointer<losskit_batch>?,
  _ results: UnsafeMutablePointer<losskit_results>?, _ failure: UnsafeMutablePointer<losskit_failure>?,
  _ body: (HostedObjective, losskit_batch, UnsafeMutablePointer<losskit_results>) throws -> Void
) -> Int32 {
  result(failure) {
    try Handles.objectives.with(objective) { objective in
      try body(
        objective, required(batch, function, "batch").pointee, required(results, function, "results"))
    }
  }
}

/// Returns the objective with its gradients as source.
@c @implementation
public func losskit_objective_export(
  _ objective: losskit_objective_ref?, _ format: UnsafePointer<CChar>?, _ responses: Int, _ references: Int,
  _ text: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let target = try required(text, "losskit_objective_export", "text")
    target.pointee = nil
    let objective = try Handles.objectives.object(objective).objective
    let name = String(cString: try required(format, "losskit_objective_export", "format"))
    guard let format = ExportFormat(rawValue: name) else {
      throw Failure(unknownNameMessage(name, kind: "export format", known: ExportFormat.allCases.map(\.rawValue)))
    }
    guard responses >= 0, references >= 0 else {
      let counts = (UInt(bitPattern: responses), UInt(bitPattern: references))
      throw Failure("losskit_objective_export: \(counts.0) responses and \(counts.1) references; that is too many")
    }
    try give(
      objective.exported(
        as: format, responses: responses == 0 ? nil : responses, references: references == 0 ? nil : references),
      to: target)
  }
}

/// Closes an objective.
@c @implementation
public func losskit_objective_close(
  _ objective: losskit_objective_ref?, _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  objective == nil ? 0 : result(failure) { try Handles.objectives.close(objective) }
}
