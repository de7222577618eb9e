/// The schedule of a graph: the phase, the stage in it, and the extent at which each value is computed.
///
/// The depth of a value is the number of reductions and sweeps before it; a reduction to the whole batch starts the next phase. Values then
/// move to the earliest stage that reads them, so that little has to be kept.
struct Schedule {
  /// The maximum number of stages of a phase.
  static let span = 1 << 20

  /// A node of the graph, or a copy of one for a stage that needs a value no stage computes.
  struct Node {
    var node: GraphNode
    let extent: Extent
    var operation: Operation { node.operation }
    /// Whether a stage's instructions compute it.
    var isMember: Bool { extent > .batch && operation.isElementwise }
    /// Whether it is read as a column or follows from the row's index.
    var isLeaf: Bool { extent > .batch && operation.arity == 0 }
  }

  /// The values of a stage at one extent, which run together; coarse extents precede fine ones.
  struct Group: Hashable, Comparable {
    let stage: Int
    let extent: Extent
    static func < (a: Self, b: Self) -> Bool { (a.stage, a.extent) < (b.stage, b.extent) }
  }

  private(set) var nodes: [Node] = []
  /// The value and extent of each output column.
  private(set) var outputs: [(node: Int, extent: Extent)] = []
  /// The output columns of each value.
  private(set) var outputsOf: [Int: [Int]] = [:]
  /// Whether an output depends on a value.
  private(set) var isLive: [Bool] = []
  private(set) var depth: [Int] = []
  private(set) var consumers: [[Int]] = []
  /// The position of a value in its stage.
  private(set) var order: [Int] = []
  private(set) var phaseCount = 1
  private var stage: [Int] = []
  private let roots: [Int]

  init(_ graph: Graph, results: [(node: Int, extent: Extent)], roots: [Int]) {
    let mask = graph.reached(from: results.map(\.node) + roots)
    var normalizer = Normalizer(graph, mask: mask)
    outputs = normalizer.run(results: results)
    nodes = normalizer.nodes
    self.roots = roots.map { normalizer.places[$0] }
    placesOfRoots = Dictionary(zip(roots, self.roots)) { first, _ in first }
    for (output, result) in outputs.enumerated() { outputsOf[result.node, default: []].append(output) }
  }

  private let placesOfRoots: [Int: Int]

  /// The index here of a root of the graph.
  func place(ofRoot node: Int) -> Int { placesOfRoots[node] ?? 0 }

  mutating func run(sinks: Bool) {
    let wanted = Set(roots + outputs.map(\.node))
    setDepths(from: nil)
    findConsumers(of: wanted)
    if sinks { setDepths(from: latestPhases(wanted)) }
    stage = depth
    for index in nodes.indices.reversed() where nodes[index].isMember && !consumers[index].isEmpty {
      stage[index] =
        consumers[index].map { nodes[$0].isMember ? stage[$0] : depth[index] }.min() ?? depth[index]
    }
    order = Array(nodes.indices)
    if sinks { repeatCheapValues() }
    phaseCount = (nodes.indices.filter { isLive[$0] }.map { max(depth[$0], stage[$0]) }.max() ?? 0) / Self.span + 1
  }

  /// The phase from which a value is known; a reduction to the batch is known in the next one.
  func phase(_ index: Int) -> Int { depth[index] / Self.span }

  /// The phase whose blocks compute a value.
  func phase(of index: Int) -> Int { group(of: index).stage / Self.span }

  /// The group that computes a member, or that a reduction or sweep ends.
  func group(of index: Int) -> Group {
    Group(stage: nodes[index].isMember ? stage[index] : depth[index], extent: nodes[index].extent)
  }

  // MARK: Depths

  /// Sets the depth of each value; `floor` is the earliest phase of each.
  private mutating func setDepths(from floor: [Int]?) {
    depth = Array(repeating: 0, count: nodes.count)
    for (index, node) in nodes.enumerated() {
      let isRow = node.extent > .batch
      // A reduction or sweep runs with the stage that computes its operand, however early.
      let endsStage = node.operation.isReduction || node.operation.isSweep
      var least = isRow && !endsStage ? (floor?[index] ?? 0) * Self.span : 0
      for operand in node.node.operands { least = max(least, depth[operand]) }
      if node.operation.isSort || (node.operation.isReduction && !isRow) {
        least = (least / Self.span + 1) * Self.span
      } else if endsStage {
        least += 1
      }
      depth[index] = least
    }
  }

  private mutating func findConsumers(of wanted: Set<Int>) {
    consumers = Array(repeating: [], count: nodes.count)
    isLive = Array(repeating: false, count: nodes.count)
    for index in nodes.indices.reversed() {
      if wanted.contains(index) { isLive[index] = true }
      guard isLive[index] else { continue }
      for operand in Set(nodes[index].node.operands) {
        isLive[operand] = true
        consumers[operand].append(index)
      }
    }
  }

  /// The latest phase for each value. A value computed a phase before it is read would have to be kept.
  private func latestPhases(_ wanted: Set<Int>) -> [Int] {
    var latest = depth.map { $0 / Self.span }
    // Values that only returned numbers depend on may be computed last.
    let last =
      (nodes.indices.filter { isLive[$0] && nodes[$0].extent > .batch }.map { latest[$0] }.max() ?? 0) + 1
    for index in nodes.indices.reversed()
    where isLive[index] && outputsOf[index] == nil && !nodes[index].operation.isSort {
      let limits = consumers[index].map { consumer in
        let node = nodes[consumer]
        let leadsToBatch = node.operation.isSort || (node.operation.isReduction && node.extent == .batch)
        return leadsToBatch ? latest[consumer] - 1 : latest[consumer]
      }
      if let least = limits.min() {
        latest[index] = max(latest[index], least)
      } else if wanted.contains(index) {
        latest[index] = last
      }
    }
    return latest
  }

  // MARK: Recomputation

  /// Recomputes values that follow from columns by a few cheap operations in each phase that reads them, instead of keeping them for the
  /// whole batch.
  private mutating func repeatCheapValues() {
    for index in nodes.indices.reversed() where isLive[index] && nodes[index].isMember {
      let home = stage[index] / Self.span
      let others = consumers[index].filter { nodes[$0].isMember && stage[$0] / Self.span != home }
      guard !others.isEmpty, cost(of: index, below: 6) != nil else { continue }
      for readers in Dictionary(grouping: others, by: { stage[$0] / Self.span }).values {
        guard let first = readers.map({ stage[$0] }).min() else { continue }
        let twin = copy(index, to: first)
        for reader in readers { replace(index, by: twin, in: reader) }
      }
    }
  }

  /// The number of operations from columns and batch numbers to a value; nil if one is not cheap or there are `limit` or more.
  private func cost(of index: Int, below limit: Int) -> Int? {
    let node = nodes[index]
    if node.extent == .batch || node.operation == .input || node.operation == .column { return 0 }
    guard node.isMember else { return nil }
    switch node.operation {
    case .add, .subtract, .multiply, .negate, .minimum, .maximum, .abs, .square, .relu, .select, .copy: break
    default: return nil
    }
    var total = 1
    for operand in node.node.operands {
      guard nodes[operand].extent == .batch || nodes[operand].extent == node.extent,
        let cost = cost(of: operand, below: limit - total)
      else { return nil }
      total += cost
    }
    return total < limit ? total : nil
  }

  /// Copies a value, and the values it is computed from, for another stage.
  private mutating func copy(_ index: Int, to target: Int) -> Int {
    guard nodes[index].isMember else { return index }
    var twin = nodes[index]
    let paths = [\GraphNode.a, \GraphNode.b, \GraphNode.c].prefix(twin.operation.arity)
    for path in paths {
      twin.node[keyPath: path] = copy(twin.node[keyPath: path], to: target)
    }
    nodes.append(twin)
    let place = nodes.count - 1
    depth.append(depth[index])
    stage.append(target)
    order.append(order[index])
    isLive.append(true)
    consumers.append([])
    for path in paths { consumers[twin.node[keyPath: path]].append(place) }
    return place
  }

  private mutating func replace(_ operand: Int, by twin: Int, in reader: Int) {
    for path in [\GraphNode.a, \GraphNode.b, \GraphNode.c].prefix(nodes[reader].operation.arity)
    where nodes[reader].node[keyPath: path] == operand {
      nodes[reader].node[keyPath: path] = twin
    }
    consumers[operand].removeAll { $0 == reader }
    if !consumers[twin].contains(reader) { consumers[twin].append(reader) }
  }
}

extension Operation {
  /// Whether the result has a coarser extent.
  var isReduction: Bool { self == .sum || self == .largest }

  /// Whether it needs whole segments.
  var isSweep: Bool {
    switch self {
    case .pick, .scan, .scanLogSumExp, .shift, .order, .firstLargest: true
    default: false
    }
  }

  /// Whether it sorts over the batch.
  var isSort: Bool { self == .batchSorted || self == .batchUnsorted }
}

/// Adds the copies that stages need: a reduction, a sweep or an output takes a value that a stage of its extent computes.
private struct Normalizer {
  private let graph: Graph
  private let mask: [Bool]
  private(set) var nodes: [Schedule.Node] = []
  private(set) var places: [Int]
  private var copies: [Int: Int] = [:]

  init(_ graph: Graph, mask: [Bool]) {
    self.graph = graph
    self.mask = mask
    places = Array(repeating: -1, count: graph.nodes.count)
  }

  mutating func run(results: [(node: Int, extent: Extent)]) -> [(node: Int, extent: Extent)] {
    let extents = graph.extents
    for (index, source) in graph.nodes.enumerated() where mask[index] {
      var node = source
      if node.operation.arity > 0 { node.a = places[node.a] }
      if node.operation.arity > 1 { node.b = places[node.b] }
      if node.operation.arity > 2 { node.c = places[node.c] }
      if extents[index] > .batch || node.operation.isReduction { takeCopies(&node, at: extents[index]) }
      places[index] = append(node, extents[index])
    }
    return results.map { result in
      let node = places[result.node]
      let isMade = nodes[node].isMember && nodes[node].extent == result.extent
      return (isMade ? node : copy(node, at: result.extent), result.extent)
    }
  }

  private mutating func takeCopies(_ node: inout GraphNode, at extent: Extent) {
    if node.operation.isReduction || node.operation.isSweep || node.operation.isSort {
      let leadsUp = node.operation.isReduction || node.operation == .pick
      let fine = leadsUp ? nodes[node.a].extent : extent
      if node.operation == .scan {
        // The copies are the node's own, so that both operands are computed in one phase.
        node.a = append(GraphNode(.copy, a: node.a, c: fine.rawValue), fine)
        node.b = append(GraphNode(.copy, a: node.b, c: fine.rawValue), fine)
      }
      node.a = made(node.a, at: fine)
      if node.operation.arity > 1 { node.b = made(node.b, at: fine) }
    } else {
      // A column of a coarser extent is read at its own extent and broadcast.
      for path in [\GraphNode.a, \GraphNode.b, \GraphNode.c].prefix(node.operation.arity) {
        let operand = nodes[node[keyPath: path]]
        if operand.isLeaf, operand.extent < extent {
          node[keyPath: path] = copy(node[keyPath: path], at: operand.extent)
        }
      }
    }
  }

  private mutating func made(_ node: Int, at extent: Extent) -> Int {
    nodes[node].isMember && nodes[node].extent == extent ? node : copy(node, at: extent)
  }

  private mutating func copy(_ node: Int, at extent: Extent) -> Int {
    let key = node * Extent.allCases.count + extent.rawValue
    if let known = copies[key] { return known }
    // A broadcast copy of a column needs a copy at the column's own extent first.
    let source = nodes[node].isLeaf && nodes[node].extent < extent ? copy(node, at: nodes[node].extent) : node
    let made = append(GraphNode(.copy, a: source, c: extent.rawValue), extent)
    copies[key] = made
    return made
  }

  private mutating func append(_ node: GraphNode, _ extent: Extent) -> Int {
    nodes.append(Schedule.Node(node: node, extent: extent))
    return nodes.count - 1
  }
}
