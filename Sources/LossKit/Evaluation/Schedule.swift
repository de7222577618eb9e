/// When each value of a graph is computed: in which phase, at which stage of it, over the rows of which extent.
///
/// The depth of a value is the number of steps to coarser extents, and along segments, before it; a step to the whole batch leads to the
/// next phase. Values then sink to the earliest stage that reads them, so that little has to be kept.
struct Schedule {
  /// Stages of a phase at most.
  static let span = 1 << 20

  /// A node of the graph or, where a stage needs a value that no stage makes, a copy of one.
  struct Node {
    var node: GraphNode
    let extent: Extent
    var operation: Operation { node.operation }
    /// Whether a stage's instructions compute it.
    var isMember: Bool { extent > .batch && operation.isElementwise }
    /// Whether it is read as a column or known by the row's place.
    var isLeaf: Bool { extent > .batch && operation.arity == 0 }
  }

  /// What runs together: all values of a stage that have one extent, coarse before fine.
  struct Group: Hashable, Comparable {
    let stage: Int
    let extent: Extent
    static func < (a: Self, b: Self) -> Bool { (a.stage, a.extent) < (b.stage, b.extent) }
  }

  private(set) var nodes: [Node] = []
  /// The value that each of the host's columns is written from.
  private(set) var outputs: [(node: Int, extent: Extent)] = []
  /// For each value, the columns that are written from it.
  private(set) var outputsOf: [Int: [Int]] = [:]
  /// Whether anything asked for depends on a value.
  private(set) var isLive: [Bool] = []
  private(set) var depth: [Int] = []
  private(set) var consumers: [[Int]] = []
  /// The place of a value among those of its stage.
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

  /// Where a root of the graph is among the nodes here.
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

  /// The phase of a value: that after a reduction to the batch.
  func phase(_ index: Int) -> Int { depth[index] / Self.span }

  /// The phase whose blocks make a value.
  func phase(of index: Int) -> Int { group(of: index).stage / Self.span }

  /// The group that computes a member, or makes what a reduction or a sweep ends with.
  func group(of index: Int) -> Group {
    Group(stage: nodes[index].isMember ? stage[index] : depth[index], extent: nodes[index].extent)
  }

  // MARK: When

  /// `floor` is a phase for each value, before which it is not made.
  private mutating func setDepths(from floor: [Int]?) {
    depth = Array(repeating: 0, count: nodes.count)
    for (index, node) in nodes.enumerated() {
      let isRow = node.extent > .batch
      // What ends a stage comes with the stage that makes its operand, however early that is.
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

  /// The last phase in which each value is in time: nothing is made a phase before it is read, for it would have to be kept.
  private func latestPhases(_ wanted: Set<Int>) -> [Int] {
    var latest = depth.map { $0 / Self.span }
    // What only numbers that are handed back depend on may come last.
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

  // MARK: What is computed again

  /// A value that columns give by a few cheap operations is computed again in another phase that reads it, rather than kept for the whole
  /// batch.
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

  /// The number of operations that make a value of columns and numbers of the batch, where they are cheap and fewer than a limit.
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

  /// A copy of a value, and of what it is made of, for another stage.
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
  /// Whether it leads to a coarser extent.
  var isReduction: Bool { self == .sum || self == .largest }

  /// Whether it needs whole segments.
  var isSweep: Bool {
    switch self {
    case .pick, .scan, .scanLogSumExp, .shift, .order, .firstLargest: true
    default: false
    }
  }

  /// Whether it is sorted over the batch.
  var isSort: Bool { self == .batchSorted || self == .batchUnsorted }
}

/// Adds the copies that stages need: what reduces, sweeps or is written takes a value that a stage of its extent makes.
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
        // Copies for it alone, so that both are made in one phase.
        node.a = append(GraphNode(.copy, a: node.a, c: fine.rawValue), fine)
        node.b = append(GraphNode(.copy, a: node.b, c: fine.rawValue), fine)
      }
      node.a = made(node.a, at: fine)
      if node.operation.arity > 1 { node.b = made(node.b, at: fine) }
    } else {
      // A column of a coarser extent is read at its own and broadcast from there.
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
    // A copy of a column that is broadcast on its way is of one that a stage of its own extent reads.
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
