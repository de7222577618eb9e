import CLossKit
import CLossKitKernels
import Synchronization

extension InputSlot {
  /// Distinct for each slot.
  fileprivate var number: Int { column << 32 | slot }
}

/// Evaluates the graphs traced from a component or a whole objective; finds or makes the plan for a call's shape.
package final class GraphEvaluator: Sendable {
  /// The meaning of the graphs' outputs.
  package enum Kind: Sendable {
    /// A loss per prompt.
    case loss
    /// A reward per response.
    case reward
    /// A loss per prompt, with its own gradient, followed by the rewards it was computed from.
    case objective(hasReward: Bool)
  }

  let name: String
  let columns: [Column]
  let kind: Kind
  let stateCount: Int
  /// Whether each hyperparameter decides the form of the formula.
  let isStructural: [Bool]
  /// Makes the graph for K, R and the hyperparameters' values.
  package let trace: @Sendable (_ responses: Int, _ references: Int, _ values: [Double]) throws -> Graph
  let hasStructure: Bool
  /// The indices of the declared columns that are differentiable.
  let differentiable: [Int]
  /// The plans, the newest first: a list that only grows, so that threads read it without a lock.
  private let entries = Atomic<Unmanaged<EntryList>?>(nil)

  /// The key of a plan.
  struct Shape: Equatable {
    var responses: Int
    var references: Int
    var structure: [Double]
    /// A bit for each declared column whose gradient is requested.
    var gradients: UInt64
    /// Whether the batch also has prompts with another number of responses.
    var isMixed: Bool
    /// Whether an objective's rewards are not requested.
    var isLossAlone = false
  }

  /// A plan and the columns that it writes.
  final class Entry: Sendable {
    let shape: Shape
    let plan: Plan
    /// The inputs of the plan, followed by its outputs.
    let places: [ColumnPlace]
    /// The places whose requested gradient is 0, because the formula does not read them.
    let zeros: [ColumnPlace]
    /// Whether the plan serves prompts of any number of responses.
    let isForAnyCount: Bool

    init(shape: Shape, plan: Plan, places: [ColumnPlace], zeros: [ColumnPlace], isForAnyCount: Bool) {
      self.shape = shape
      self.plan = plan
      self.places = places
      self.zeros = zeros
      self.isForAnyCount = isForAnyCount
    }
  }

  private final class EntryList: Sendable {
    let entry: Entry
    let next: EntryList?

    init(_ entry: Entry, _ next: EntryList?) {
      self.entry = entry
      self.next = next
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

  /// The number of values of a prompt with `responses` responses.
  func valueCount(_ responses: Int) -> Int {
    switch kind {
    case .loss: 1
    case .reward: responses
    case .objective(let hasReward): hasReward ? 1 + responses : 1
    }
  }

  deinit { entries.load(ordering: .acquiring)?.release() }

  /// The plan of a shape, made at the first call and kept for the life of the process.
  func entry(for shape: Shape, parameters: @autoclosure () -> [Double]) throws -> Entry {
    if let entry = entry(for: shape, in: entries.load(ordering: .acquiring)) { return entry }
    let entry = try makeEntry(for: shape, parameters: parameters())
    while true {
      let known = entries.load(ordering: .acquiring)
      // Another thread may have made it at the same time.
      if let entry = self.entry(for: shape, in: known) { return entry }
      let list = Unmanaged.passRetained(EntryList(entry, known?.takeUnretainedValue()))
      if entries.compareExchange(expected: known, desired: list, ordering: .acquiringAndReleasing).exchanged {
        // The new head holds a reference to the old one.
        known?.release()
        return entry
      }
      list.release()
    }
  }

  private func entry(for shape: Shape, in list: Unmanaged<EntryList>?) -> Entry? {
    var list = list
    while let current = list {
      let (entry, next) = current._withUnsafeGuaranteedRef { current in
        (current.entry.shape == shape ? current.entry : nil, current.next.map { Unmanaged.passUnretained($0) })
      }
      if let entry { return entry }
      list = next
    }
    return nil
  }

  private func makeEntry(for shape: Shape, parameters: [Double]) throws -> Entry {
    let graph = try trace(shape.responses, shape.references, parameters).lifted()
    let extent: Extent = graph.rows == .response ? .response : .prompt
    var builder = GraphBuilder()
    let places = builder.append(graph, reaching: graph.outputs + graph.stateOutputs)
    let values = graph.outputs.prefix(shape.isLossAlone ? 1 : graph.outputs.count).map { places[$0] }
    var results = values.map { (node: $0, extent: extent) }
    var targets = values.indices.map { ColumnPlace(.value, $0) }
    var read = Set<Int>()
    if shape.gradients != 0 {
      let inputs = builder.nodes.indices.filter { index in
        let node = builder.nodes[index]
        return (node.operation == .input || node.operation == .column) && columns[node.a].isDifferentiable
          && shape.gradients & (1 << UInt64(node.a)) != 0
      }
      let gradients = builder.differentiate(
        outputs: differentiated(values), cotangents: cotangents(in: &builder, count: values.count, per: extent),
        per: extent, keepingBatchNodes: shape.isMixed)
      let zero = builder.constant(0)
      for input in inputs {
        let node = builder.nodes[input]
        let slot = InputSlot(column: node.a, slot: node.b)
        targets.append(
          node.operation == .input ? place(.gradient, slot, shape) : ColumnPlace(.gradient, node.a, reference: node.b))
        results.append((gradients[input] ?? zero, builder.extents[input]))
        read.formUnion(node.operation == .input ? [slot.number] : slots(ofWhole: slot, shape).map(\.number))
      }
    }
    var numbers: [Int] = []
    if case .objective = kind { numbers = [builder.sum(values[0], over: .prompt, to: .batch)] }
    var whole = Graph()
    whole.nodes = builder.nodes
    let plan = Plan.compile(
      whole, results: results, states: graph.stateOutputs.map { places[$0] }, numbers: numbers, sinks: !shape.isMixed)
    let inputs = plan.externals.map { external in
      switch external {
      case .input(let slot): place(.input, slot, shape)
      case .column(let column, let reference): ColumnPlace(.input, column, reference: reference)
      case .cotangent(let output): ColumnPlace(.cotangent, output)
      }
    }
    return Entry(
      shape: shape, plan: plan, places: inputs + targets,
      zeros: slots(of: shape).filter { !read.contains($0.number) }.map { place(.gradient, $0, shape) },
      isForAnyCount: extent == .response)
  }

  private func place(_ role: ColumnPlace.Role, _ slot: InputSlot, _ shape: Shape) -> ColumnPlace {
    guard columns[slot.column].extent == .response else { return ColumnPlace(role, slot.column, reference: slot.slot) }
    let (reference, rank) = slot.slot.quotientAndRemainder(dividingBy: shape.responses)
    return ColumnPlace(role, slot.column, reference: reference, rank: rank)
  }

  /// All slots of the columns whose gradient is requested.
  private func slots(of shape: Shape) -> [InputSlot] {
    columns.indices.filter { shape.gradients & (1 << UInt64($0)) != 0 }.flatMap { index in
      let references = columns[index].isPerReference ? shape.references : 1
      let slots = columns[index].extent == .response ? shape.responses * references : references
      return (0..<slots).map { InputSlot(column: index, slot: $0) }
    }
  }

  /// The slots of a reference's column.
  private func slots(ofWhole slot: InputSlot, _ shape: Shape) -> [InputSlot] {
    let count = columns[slot.column].extent == .response ? shape.responses : 1
    return (0..<count).map { InputSlot(column: slot.column, slot: slot.slot * count + $0) }
  }

  private func differentiated(_ values: [Int]) -> [Int] {
    if case .objective = kind { Array(values.prefix(1)) } else { values }
  }

  private func cotangents(in builder: inout GraphBuilder, count: Int, per extent: Extent) -> [Int] {
    if case .objective = kind { return [builder.constant(1)] }
    return (0..<count).map { builder.insert(GraphNode(.cotangent, a: $0, c: extent.rawValue)) }
  }
}
