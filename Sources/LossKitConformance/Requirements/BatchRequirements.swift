import CLossKit
import LossKit
import LossKitRuntime

extension ComponentRequirement {
  /// A batch without prompts.
  static let empty = ComponentRequirement(
    name: "empty", summary: "a batch without prompts is legal and keeps the state"
  ) { subject in
    var calls = subject.calls
    for parameters in calls.parameterSets() {
      var call = calls.call(prompts: 0)
      call.parameters = parameters
      let result = try subject.run(call)
      guard bits(result.state) == bits(subject.component.initialState) else {
        throw Failure("a batch without prompts changes the state to \(result.state)\(subject.text(parameters))")
      }
    }
    return .met("")
  }

  /// Rankings of different lengths in one batch.
  static let counts = ComponentRequirement(
    name: "counts", summary: "beyond a prompt's number of responses it reads nothing and writes zeros"
  ) { subject in
    var calls = subject.calls
    let lengths = subject.responseCounts
    for parameters in calls.parameterSets() {
      let counts = (0..<60).map { _ in UInt32(Int.random(in: lengths, using: &calls.numbers)) }
      var call = calls.call(prompts: 60, responses: lengths.upperBound, counts: counts)
      call.parameters = parameters
      let mixed = try subject.run(call)
      try call.checkZerosBeyondCounts(mixed)
      try subject.expect(call.spoiledBeyondCounts(), gives: mixed, "columns are read beyond the counts")
      if try subject.component.isRowwise && !subject.draws(call, mixed) {
        for length in lengths { try subject.checkPrompts(of: length, call, mixed) }
      }
    }
    return .met(lengths.count == 1 ? "all prompts have \(lengths.lowerBound)" : "\(lengths) responses in one batch")
  }

  /// Pairs in a batch with space for longer rankings.
  static let pairs = ComponentRequirement(
    name: "pairs", summary: "pairs give the same results in a batch with space for longer rankings"
  ) { subject in
    let component = subject.component
    guard component.responses.contains(2), component.responses.upperBound > 2 else {
      return .notTested("it takes \(component.responses == 2...2 ? "pairs only" : "no pairs besides other numbers")")
    }
    var calls = subject.calls
    for parameters in calls.parameterSets() {
      let room = subject.responseCounts.upperBound
      var call = calls.call(prompts: 40, responses: room, counts: Array(repeating: 2, count: 40))
      call.parameters = parameters
      let inRoom = try subject.run(call)
      if try subject.draws(call, inRoom) { return .notTested("what it draws depends on the batch's shape") }
      var alone = call.of(responses: 2)
      alone.counts = nil
      let columns = Dictionary(uniqueKeysWithValues: call.columns.map { ($0.name, $0.column) })
      let expected = ComponentCall.Result(
        output: Array(inRoom.output.prefix(alone.outputCount)),
        gradients: inRoom.gradients.reduce(into: [:]) { parts, gradient in
          parts[gradient.key] = columns[gradient.key].map { call.first(2, of: gradient.value, $0) }
        }, state: inRoom.state)
      try subject.expectClose(alone, to: expected, "pairs alone differ from pairs in a batch with space for \(room)")
    }
    return .met("")
  }
}

extension ComponentSubject {
  /// Whether a call depends on its seed: random numbers also depend on a prompt's index in the batch.
  fileprivate func draws(_ call: ComponentCall, _ result: ComponentCall.Result) throws -> Bool {
    var other = call
    other.seed &+= 1
    return bits(try run(other).output) != bits(result.output)
  }

  /// Compares the prompts of one length in a mixed batch with the same prompts alone.
  fileprivate func checkPrompts(of length: Int, _ call: ComponentCall, _ mixed: ComponentCall.Result) throws {
    guard let counts = call.counts else { return }
    let prompts = counts.indices.filter { counts[$0] == UInt32(length) }
    let part = call.of(prompts: prompts)
    var alone = part.of(responses: length)
    alone.counts = nil
    let columns = Dictionary(uniqueKeysWithValues: call.columns.map { ($0.name, $0.column) })
    let expected = ComponentCall.Result(
      output: Array(call.pick(prompts, of: mixed.output, per: call.outputExtent).prefix(alone.outputCount)),
      gradients: mixed.gradients.reduce(into: [:]) { parts, gradient in
        let own = call.pick(prompts, ofColumn: gradient.key, gradient.value)
        parts[gradient.key] = columns[gradient.key].map { part.first(length, of: own, $0) }
      }, state: mixed.state)
    try expectClose(alone, to: expected, "prompts with \(length) responses differ alone and among longer rankings")
  }

  /// Throws if results differ by more than rounding.
  fileprivate func expectClose(_ call: ComponentCall, to expected: ComponentCall.Result, _ condition: String) throws {
    let found = try run(call)
    let errors =
      [("output", worstError(found.output, expected.output)), ("state", worstError(found.state, expected.state))]
      + found.gradients.map { ("gradient of \($0)", worstError($1, expected.gradients[$0] ?? [])) }
    if let worst = errors.max(by: { $0.1 < $1.1 }), worst.1 > 1e-12 {
      throw Failure("\(condition): \(worst.0) by \(worst.1.short)\(text(call.parameters))")
    }
  }
}

extension ComponentCall {
  /// The call with NaN wherever a prompt has no response.
  fileprivate func spoiledBeyondCounts() -> ComponentCall {
    var other = self
    for (name, column) in columns {
      for entry in beyondCounts(per: column.per, count: inputs[name]?.count ?? 0) { other.inputs[name]?[entry] = .nan }
    }
    return other
  }

  fileprivate func checkZerosBeyondCounts(_ result: Result) throws {
    let rewards = beyondCounts(per: outputExtent, count: outputCount)
    if let row = rewards.first(where: { result.output[$0] != 0 }) {
      let prompt = withShape { $0.place(of: row, per: .response).prompt }
      throw Failure("the reward of a response that prompt \(prompt + 1) does not have is \(result.output[row]), not 0")
    }
    for (name, column) in columns {
      guard let gradient = result.gradients[name] else { continue }
      if let entry = beyondCounts(per: column.per, count: gradient.count).first(where: { gradient[$0] != 0 }) {
        throw Failure("the gradient of \(name) beyond a prompt's responses is \(gradient[entry]), not 0")
      }
    }
  }

  /// The entries that belong to responses that their prompts do not have.
  private func beyondCounts(per extent: Column.Extent, count: Int) -> [Int] {
    guard counts != nil, extent != .prompt else { return [] }
    return withShape { shape in (0..<count).filter { !shape.exists(shape.place(of: $0, per: extent)) } }
  }
}
