import LossKit

/// What the arguments of an objective's C function stand for.
struct ObjectiveArguments: Sendable {
  /// An entry of a column of the batch: of response `rank`, or of the prompt.
  struct Entry: Sendable, Equatable {
    let column: Column
    let rank: Int
  }

  /// The use of an argument.
  enum Use: Sendable, Equatable {
    case count
    case input(Entry)
    case loss
    case derivative(Entry)
  }

  /// What is evaluated: the objective, without its parameterization where rewards are given.
  let objective: Objective
  let prototype: Prototype
  /// K.
  let responses: Int
  /// One for each argument.
  private(set) var uses: [Use] = []

  init(_ original: Objective, _ prototype: Prototype) throws {
    self.prototype = prototype
    responses = try Self.responses(of: original, prototype)
    objective = try Self.evaluated(original, prototype)
    guard objective.referenceCount <= 1 else {
      throw Failure(
        "prototype: the objective compares \(objective.referenceCount) references; a function has one at most")
    }
    guard objective.isRowwise || prototype.isBatch else {
      throw prototype.failure(
        "the objective compares the prompts of a batch; add 'size_t n' and take arrays", at: 1)
    }
    let entries = try entries()
    uses = try prototype.arguments.map { try use(of: $0, entries) }
    try checkLoss()
    try checkColumns(entries)
  }

  private static func responses(of objective: Objective, _ prototype: Prototype) throws -> Int {
    let isOfPair = prototype.arguments.contains { argument in
      ArgumentNames.roles.contains { argument.name.hasPrefix($0) || argument.name.hasPrefix(Prototype.derivative + $0) }
    }
    for count in isOfPair ? [2, 1] : [1, 2] where objective.responses.contains(count) { return count }
    throw Failure(
      "prototype: the objective takes \(objective.responses.lowerBound) responses or more; a function is of one or of a pair"
    )
  }

  private static func evaluated(_ objective: Objective, _ prototype: Prototype) throws -> Objective {
    guard objective.readsReward else { return try Objective(terms: objective.terms, reward: nil) }
    guard prototype.arguments.contains(where: { rewardNames.contains($0.name) }) else { return objective }
    return try Objective(
      terms: objective.terms, reward: Objective.Part(component: GivenReward.component.get(), values: []))
  }

  /// The names that inputs may have.
  private func entries() throws -> [String: Entry] {
    var entries: [String: Entry] = [:]
    for column in objective.columns {
      if column.extent == .token {
        if column.isOptional { continue }
        throw Failure("prototype: the objective reads '\(column.name)', and a function has no tokens")
      }
      let name = column.name.replacing(GivenReward.column.name, with: Column.reward.name)
      if column.extent == .prompt || responses == 1 {
        entries[name] = Entry(column: column, rank: 0)
      } else {
        for (rank, role) in ArgumentNames.roles.enumerated() {
          entries[role + name] = Entry(column: column, rank: rank)
        }
      }
    }
    return entries
  }

  private func use(of argument: Prototype.Argument, _ entries: [String: Entry]) throws -> Use {
    guard let number = argument.number else {
      throw prototype.failure("a pointer to void stands for nothing", at: argument.column)
    }
    guard argument.initial == nil else {
      throw prototype.failure(
        "an objective's hyperparameters are set in its text; leave the default out", at: argument.column)
    }
    if argument.passing == .output {
      guard !number.isInteger else {
        throw prototype.failure("invalid type of '\(argument.name)'; expected 'double *'", at: argument.column)
      }
      if argument.name == Self.loss { return .loss }
      let derivatives = entries.filter(\.value.column.isDifferentiable).map { Prototype.derivative + $0.key }
      guard derivatives.contains(argument.name),
        let entry = entries[String(argument.name.dropFirst(Prototype.derivative.count))]
      else {
        let message = unknownNameMessage(argument.name, kind: "output", known: derivatives + [Self.loss])
        throw prototype.failure(
          entries[argument.name] == nil ? message : "'\(argument.name)' is read; write 'const' before its type",
          at: argument.column)
      }
      return .derivative(entry)
    }
    if argument.name == Prototype.count {
      guard number.isInteger else { throw prototype.failure("write 'size_t n'", at: argument.column) }
      return .count
    }
    guard let entry = entries[argument.name] else {
      let rewards =
        objective.readsReward ? Self.rewardNames.filter { ($0 == Column.reward.name) == (responses == 1) } : []
      throw prototype.failure(
        unknownNameMessage(argument.name, kind: "argument", known: Array(entries.keys) + rewards + [Prototype.count]),
        at: argument.column)
    }
    guard argument.passing == .input || !prototype.isBatch else {
      throw prototype.failure(
        "with 'n' it is an array; write '\(argument.written(as: .input))'", at: argument.column)
    }
    return .input(entry)
  }

  private func checkLoss() throws {
    switch (prototype.result, uses.contains(.loss)) {
    case (.some, true):
      throw prototype.failure("the loss is returned and written, too; take 'void' as the result", at: 1)
    case (nil, false): throw prototype.failure("it gives no loss; return it, or add an argument 'double *loss'", at: 1)
    case (.some(let number), false):
      guard !prototype.isBatch else {
        throw prototype.failure("with 'n' the result is void, and an argument 'double *loss' gets each loss", at: 1)
      }
      guard !number.isInteger else { throw prototype.failure("the loss is a double or a float", at: 1) }
    case (nil, true): return
    }
  }

  private func checkColumns(_ entries: [String: Entry]) throws {
    for (name, entry) in entries.sorted(by: { $0.key < $1.key })
    where !entry.column.isOptional && !uses.contains(.input(entry)) {
      throw prototype.failure("the objective reads '\(name)', and no argument gives it; add 'double \(name)'", at: 1)
    }
  }

  private static let loss = "loss"
  private static let rewardNames = [Column.reward.name] + ArgumentNames.roles.map { $0 + Column.reward.name }
}

extension Objective {
  fileprivate var readsReward: Bool {
    terms.contains { term in term.loss.component.inputs.contains { $0.name.hasSuffix(Column.reward.name) } }
  }
}
