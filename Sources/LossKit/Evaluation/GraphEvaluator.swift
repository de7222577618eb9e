import CLossKit
import CLossKitKernels
import Synchronization

extension InputSlot {
  /// A number of its own.
  fileprivate var number: Int { column << 32 | slot }
}

/// Evaluates what a graph can be traced of, a component or a whole objective: finds or makes the program for a call's shape.
package final class GraphEvaluator: Sendable {
  /// What the graphs' outputs are.
  package enum Kind: Sendable {
    /// A loss per prompt.
    case loss
    /// A reward per response.
    case reward
    /// A loss per prompt, whose own gradient is wanted, and behind it the rewards that it was made of.
    case objective(hasReward: Bool)
  }

  let name: String
  let columns: [Column]
  let kind: Kind
  let stateCount: Int
  /// Which hyperparameters decide the form of the formula.
  let isStructural: [Bool]
  /// The graph for K, R and the hyperparameters' values.
  package let trace: @Sendable (_ responses: Int, _ references: Int, _ values: [Double]) throws -> Graph
  let hasStructure: Bool
  /// The declared columns that a gradient can be taken of, by index.
  let differentiable: [Int]
  private let entries = Mutex<[Entry]>([])

  /// What decides a program.
  struct Shape: Equatable {
    var responses: Int
    var references: Int
    var structure: [Double]
    /// A bit for each declared column whose gradient is wanted.
    var gradients: UInt64
    /// Whether prompts with another number of responses share the batch.
    var isMixed: Bool
    /// Whether, of an objective, nobody wants the rewards.
    var isLossAlone = false
  }

  /// A program and what it writes.
  final class Entry: Sendable {
    let shape: Shape
    let program: Program
    let rows: Column.Extent
    /// The column and slot of each gradient that the program writes after its values.
    let gradients: [InputSlot]
    /// The slots of columns whose gradient is wanted that the formula does not read: their gradient is 0.
    let zeros: [InputSlot]

    init(shape: Shape, program: Program, rows: Column.Extent, gradients: [InputSlot], zeros: [InputSlot]) {
      self.shape = shape
      self.program = program
      self.rows = rows
      self.gradients = gradients
      self.zeros = zeros
    }
  }

  package init(
    name: String, kind: Kind, columns: [Column], stateCount: Int, isStructural: [Bool],
    trace: @escaping @Sendable (Int, Int, [Double]) throws -> Graph
  ) {
    self.name = name
    self.kind = kind
    self.columns = columns
    self.stateCount = stateCount
    self.isStructural = isStructural
    hasStructure = isStructural.contains(true)
    differentiable = columns.indices.filter { columns[$0].isDifferentiable }
    self.trace = trace
  }

  /// The number of values a prompt with `responses` responses has.
  func valueCount(_ responses: Int) -> Int {
    switch kind {
    case .loss: 1
    case .reward: responses
    case .objective(let hasReward): hasReward ? 1 + responses : 1
    }
  }

  /// The program of a shape; made at the first call, kept for the life of the process.
  func entry(for shape: Shape, parameters: @autoclosure () -> [Double]) throws -> Entry {
    if let entry = entries.withLock({ entries in entries.first { $0.shape == shape } }) { return entry }
    let entry = try makeEntry(for: shape, parameters: parameters())
    entries.withLock { entries in
      if !entries.contains(where: { $0.shape == shape }) { entries.append(entry) }
    }
    return entry
  }

  private func makeEntry(for shape: Shape, parameters: [Double]) throws -> Entry {
    let graph = try trace(shape.responses, shape.references, parameters)
    var builder = GraphBuilder()
    let places = builder.append(graph, reaching: graph.outputs + graph.stateOutputs)
    var results = graph.outputs.prefix(shape.isLossAlone ? 1 : graph.outputs.count).map { places[$0] }
    let states = graph.stateOutputs.map { places[$0] }
    let slots = graph.inputs(of: graph.outputs).filter {
      columns[$0.column].isDifferentiable && shape.gradients & (1 << UInt64($0.column)) != 0
    }
    if shape.gradients != 0 {
      let gradients = builder.differentiate(
        outputs: differentiated(results), cotangents: cotangents(in: &builder, count: results.count),
        keepingBatchNodes: shape.isMixed)
      let zero = builder.constant(0)
      for slot in slots {
        let input = builder.insert(GraphNode(.input, a: slot.column, b: slot.slot))
        results.append((input < gradients.count ? gradients[input] : nil) ?? zero)
      }
    }
    let read = Set(slots.map(\.number))
    var whole = Graph()
    whole.nodes = builder.nodes
    return Entry(
      shape: shape, program: Program.compile(whole, results: results, states: states), rows: graph.rows,
      gradients: slots, zeros: self.slots(of: shape).filter { !read.contains($0.number) })
  }

  /// All slots of the columns whose gradient is wanted.
  private func slots(of shape: Shape) -> [InputSlot] {
    columns.indices.filter { shape.gradients & (1 << UInt64($0)) != 0 }.flatMap { index in
      let references = columns[index].isPerReference ? shape.references : 1
      let slots = columns[index].extent == .response ? shape.responses * references : references
      return (0..<slots).map { InputSlot(column: index, slot: $0) }
    }
  }
  private func differentiated(_ results: [Int]) -> [Int] {
    if case .objective = kind { Array(results.prefix(1)) } else { results }
  }

  private func cotangents(in builder: inout GraphBuilder, count: Int) -> [Int] {
    if case .objective = kind { return [builder.constant(1)] }
    return (0..<count).map { builder.insert(GraphNode(.cotangent, a: $0)) }
  }
}
