import LossKit

/// The SHA-256 sum of what an objective computes: of its formulas with the values in use, not of names and texts.
///
/// A node's sum consists of its operation and the sums of its operands, so the order of nodes, unused nodes, repeated
/// subexpressions and the order of commuting operands do not matter. Columns enter by name, hyperparameters by value. A
/// part without a formula enters by the sums of its code's files. Formulas may differ by the numbers of responses and
/// references: a few of the numbers that the objective takes represent all.
struct ObjectiveIdentity {
  private let objective: Objective

  init(_ objective: Objective) { self.objective = objective }

  /// The sum, in hexadecimal digits.
  var hash: String {
    var sums = [Self.sum("losskit objective 2")]
    sums += objective.initialState.map { Self.sum("state", [$0]) }
    for responses in Self.samples(objective.responses, offsets: [0, 1, 3]) {
      for references in Self.samples(referenceRange, offsets: [0, 1]) {
        sums.append(Self.sum("shape", [Double(responses), Double(references)]))
        sums += outputs(responses: responses, references: references)
      }
    }
    return SHA256Digest.hexadecimal(of: sums.joined())
  }

  private typealias Sum = [UInt8]

  private var parts: [Objective.Part] { objective.terms.map(\.loss) + (objective.reward.map { [$0] } ?? []) }

  private var referenceRange: ClosedRange<Int> {
    let lower = max(objective.referenceCount, 1)
    // A part that reads no reference has the limit 0, which does not limit the others.
    let limits = parts.map(\.component.references.upperBound).filter { $0 > 0 }
    return lower...max(lower, limits.min() ?? lower)
  }

  private static func samples(_ range: ClosedRange<Int>, offsets: [Int]) -> [Int] {
    offsets.filter { $0 <= range.upperBound - range.lowerBound }.map { range.lowerBound + $0 }
  }

  /// The sums of the loss, the rewards and the states after the call, for K responses and R references.
  private func outputs(responses: Int, references: Int) -> [Sum] {
    let rewards = rewards("", responses, references)
    var total: Sum?
    var states: [Sum] = []
    for term in objective.terms {
      let (loss, after) = loss(term.loss, stateOffset: states.count, rewards, responses, references)
      states += after
      let weighted = term.weight == 1 ? loss : Self.node(.multiply, [Self.constant(term.weight), loss])
      total = total.map { Self.node(.add, [$0, weighted]) } ?? weighted
    }
    return (total.map { [$0] } ?? []) + rewards + states
  }

  /// The sums of the rewards of all responses, of columns whose names begin with `prefix`.
  private func rewards(_ prefix: String, _ responses: Int, _ references: Int) -> [Sum] {
    guard let part = objective.reward else { return [] }
    let ranks = (0..<responses).map(Double.init)
    guard let graph = formula(of: part, responses, references) else {
      let code = Self.code(of: part)
      return ranks.map { Self.sum("\(prefix)reward", [$0], [code]) }
    }
    let (outputs, _) = sums(of: graph, part, prefix: prefix, stateOffset: 0, rewards: [:])
    guard graph.rows == .token else { return outputs }
    return ranks.map { Self.sum("\(prefix)token sum", [$0], outputs) }
  }

  private func loss(
    _ part: Objective.Part, stateOffset: Int, _ rewards: [Sum], _ responses: Int, _ references: Int
  ) -> (loss: Sum, states: [Sum]) {
    var given = [Column.reward.name: rewards]
    let mismatched = ObjectiveComposition.mismatched + Column.reward.name
    if part.component.inputs.contains(where: { $0.name == mismatched }) {
      given[mismatched] = self.rewards(ObjectiveComposition.mismatched, responses, references)
    }
    guard let graph = formula(of: part, responses, references) else {
      let code = Self.sum(
        "call", [Double(stateOffset)], [Self.code(of: part)] + given.keys.sorted().flatMap { given[$0] ?? [] })
      let states = part.component.stateNames.indices.map { Self.sum("state after", [Double($0)], [code]) }
      return (Self.sum("loss", [], [code]), states)
    }
    let (outputs, states) = sums(of: graph, part, prefix: "", stateOffset: stateOffset, rewards: given)
    return (outputs.first ?? Self.sum("no loss"), states)
  }

  /// A part's formula; nil if it exports none, or none for these numbers.
  private func formula(of part: Objective.Part, _ responses: Int, _ references: Int) -> Graph? {
    // The formula may require references that the hyperparameters leave unused.
    let references = max(references, part.component.references.lowerBound)
    return try? part.component.formula(responses: responses, references: references, values: part.values)
  }

  /// The sums of a formula's outputs and states, simplified with the values of its hyperparameters.
  private func sums(
    of graph: Graph, _ part: Objective.Part, prefix: String, stateOffset: Int, rewards: [String: [Sum]]
  ) -> (outputs: [Sum], states: [Sum]) {
    let whole = graph.bound(to: part.values)
    let roots = whole.outputs, stateRoots = whole.stateOutputs
    let mask = whole.reached(from: roots + stateRoots)
    var sums = [Sum](repeating: [], count: whole.nodes.count)
    for (index, node) in whole.nodes.enumerated() where mask[index] {
      switch node.operation {
      case .constant: sums[index] = Self.constant(node.value)
      case .input:
        let column = part.component.inputs[node.a]
        if let given = rewards[column.name] {
          sums[index] = given.indices.contains(node.b) ? given[node.b] : Self.sum("no reward")
        } else {
          let traits = "\(column.extent) \(column.isDifferentiable) \(column.isPerReference)"
          sums[index] = Self.sum("column \(prefix)\(column.name) \(traits)", [Double(node.b)])
        }
      case .state: sums[index] = Self.sum("state before", [Double(node.a + stateOffset)])
      default:
        // A node without operands is identified by its own number: the stream of random numbers, for example.
        sums[index] =
          node.operation.arity == 0
          ? Self.sum("symbol", [Double(node.operation.rawValue), Double(node.a)])
          : Self.node(node.operation, node.operands.map { sums[$0] })
      }
    }
    return (roots.map { sums[$0] }, stateRoots.map { sums[$0] })
  }

  /// The sum of a part without a formula: its code's files, which component of theirs it is, and the values of its
  /// hyperparameters. A file that has changed since it was opened equals no other.
  private static func code(of part: Objective.Part) -> Sum {
    let files = part.component.files.map { (try? $0.digest()) ?? "changed \(UInt64.random(in: 0 ... .max))" }
    return sum((files + [part.component.codeName]).joined(separator: "\n"), part.values)
  }

  private static func constant(_ value: Double) -> Sum { sum("constant", [value]) }

  private static func node(_ operation: LossKit.Operation, _ operands: [Sum]) -> Sum {
    let isCommutative = operation == .add || operation == .multiply
    let ordered = isCommutative ? operands.sorted { $0.lexicographicallyPrecedes($1) } : operands
    return sum("node", [Double(operation.rawValue)], ordered)
  }

  /// The sum of a text, of numbers by their bits, and of sums; their counts enter too.
  private static func sum(_ text: String, _ numbers: [Double] = [], _ sums: [Sum] = []) -> Sum {
    var bytes = Array("\(text.utf8.count) \(numbers.count) \(sums.count) \(text)".utf8)
    for number in numbers { withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes += $0 } }
    for sum in sums { bytes += sum }
    var digest = SHA256Digest()
    digest.update(bytes)
    return digest.bytes()
  }
}
