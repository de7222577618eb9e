import CLossKitKernels
import LossKitTestSupport

@testable import LossKit

/// A graph of random operations over four columns, one parameter and one state, determined by a seed.
struct RandomGraph {
  /// The operations that may occur.
  struct Kind {
    var operations: [LossKit.Operation] = Operation.allCases.filter {
      !$0.isInternal && $0.arity > 0 && !$0.isBatch
    }
    var leaves: [GraphNode] =
      (0..<4).map { GraphNode(.input, a: $0) } + [GraphNode(.parameter), GraphNode(.state), GraphNode(.batchCount)]
    var constants = [0.0, 1, -1, 0.5, 2, -3, -0.0]
    var size = 40
  }

  static let rows = 9
  /// Not simplified: nodes are as drawn.
  private(set) var graph = Graph()
  let inputs: [[Double]]
  let parameters, state: [Double]

  init(seed: UInt64, _ kind: Kind = Kind()) {
    var numbers = SeededNumbers(seed: seed)
    let special = [0.0, -0.0, 1, -1, 30, -30, 800, -800, 1e-9, 0.5]
    inputs = (0..<4).map { column in
      (0..<Self.rows).map { _ in
        column == 3 ? special.randomElement(using: &numbers) ?? 0 : numbers.normal(deviation: column == 2 ? 30 : 2)
      }
    }
    parameters = [numbers.normal()]
    state = [numbers.normal()]
    graph.nodes = kind.leaves + kind.constants.map { GraphNode(.constant, value: $0) }
    var batchNodes = 0.0
    for _ in 0..<kind.size {
      let operation = kind.operations.randomElement(using: &numbers) ?? .add
      // Prefers recent nodes, so that graphs are deep as well as wide.
      func operand() -> Int {
        let count = graph.nodes.count
        return Bool.random(using: &numbers)
          ? Int.random(in: 0..<count, using: &numbers) : Int.random(in: max(0, count - 6)..<count, using: &numbers)
      }
      var node = GraphNode(operation, a: operand())
      if operation.arity > 1 { node.b = operand() }
      if operation.arity > 2 { node.c = operand() }
      if operation.isBatch {
        node.value = batchNodes
        batchNodes += 1
      }
      graph.nodes.append(node)
    }
    graph.outputs = [graph.nodes.count - 1]
  }

  /// The values of every node of a graph over these columns, by the plain evaluator.
  func plain(_ graph: Graph) -> [[Double]] {
    PlainEvaluation(graph, rows: Self.rows, parameters: parameters, state: state, external: external).values
  }

  /// The value of a column at a row.
  func external(_ external: PlainEvaluation.External, row: Int) -> Double {
    switch external {
    case .input(let slot): inputs[slot.column][row]
    case .cotangent: row == 4 ? 0 : Double(row) - 3.5
    case .rowIndex: Double(row)
    case .uniform(let stream): UniformNumbers.value(seed: 5, stream: stream, row: row)
    default: .nan
    }
  }

  /// The values of some nodes from a program at a level of the vector kernels.
  func compiled(_ graph: Graph, results: [Int], level: Int32) throws -> [[Double]] {
    try run(
      graph, results: results, rows: Self.rows, parameters: parameters, state: state, level: level, external: external)
  }
}

/// Compiles a graph and runs it: the values of some of its nodes. `external` returns a column's value at a row.
func run(
  _ graph: Graph, results: [Int], rows: Int, parameters: [Double] = [], state: [Double] = [],
  level: Int32 = Int32(LOSSKIT_LEVEL_AUTOMATIC), seed: UInt64 = 5,
  external: (PlainEvaluation.External, _ row: Int) -> Double
) throws -> [[Double]] {
  let plan = Plan.compile(graph, results: results.map { ($0, .prompt) })
  func column(_ value: (Int) -> Double) -> UnsafeMutablePointer<Double> {
    let pointer = UnsafeMutablePointer<Double>.allocate(capacity: rows)
    for row in 0..<rows { pointer.advanced(by: row).initialize(to: value(row)) }
    return pointer
  }
  let inputs = plan.externals.map { kind in
    switch kind {
    case .input(let slot): column { external(.input(slot), $0) }
    case .column(let index, let reference): column { external(.column(index, reference: reference), $0) }
    case .cotangent(let output): column { external(.cotangent(output: output), $0) }
    }
  }
  let outputs = results.map { _ in column { _ in .nan } }
  defer { for pointer in inputs + outputs { pointer.deallocate() } }
  func columns(_ pointers: [UnsafeMutablePointer<Double>]) -> [losskit_host_column] {
    pointers.map {
      losskit_host_column(
        data: $0, stride: MemoryLayout<Double>.stride, rank_stride: 0, factor: 1, is_float: 0, is_ragged: 0)
    }
  }
  let (inputColumns, outputColumns) = (columns(inputs), columns(outputs))
  var state = state
  parameters.withUnsafeBufferPointer { parameters in
    state.withUnsafeMutableBufferPointer { state in
      inputColumns.withUnsafeBufferPointer { inputs in
        outputColumns.withUnsafeBufferPointer { outputs in
          var call = RunCall()
          (call.parameters, call.state) = (parameters.baseAddress, state.baseAddress)
          (call.level, call.seed) = (level, seed)
          var shape = losskit_rows()
          shape.prompts = rows
          _ = BatchRun.run(plan, shape, inputs: inputs.baseAddress, outputs: outputs.baseAddress, call)
        }
      }
    }
  }
  return outputs.map { Array(UnsafeBufferPointer(start: $0, count: rows)) }
}
