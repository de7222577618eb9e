import CLossKitKernels
import Testing

@testable import LossKit

/// Programs over a host's columns against the same programs over whole columns.
@Suite struct StreamedProgramTests {
  /// What stays finite, with many differences.
  private var kind: RandomGraph.Kind {
    var kind = RandomGraph.Kind()
    kind.operations = [
      .subtract, .subtract, .subtract, .add, .negate, .sigmoid, .logSigmoid, .softplus, .tanh, .minimum,
    ]
    kind.leaves = (0..<4).map { GraphNode(.input, a: $0) }
    kind.constants = []
    kind.size = 8
    return kind
  }

  @Test func theNumbersAreTheSame() throws {
    var differences = 0
    for seed in 0..<2000 as Range<UInt64> {
      let random = RandomGraph(seed: seed, kind)
      let count = random.graph.nodes.count
      // Some registers are given out again, and some differences are results themselves.
      let results = [count - 1, count - 3]
      let program = Program.compile(random.graph, results: results, states: [])
      guard program.isRowwise, !program.streamed.instructions.isEmpty else { continue }
      differences += program.streamed.inputs.count { $0.subtracted != nil }
      let expected = try random.compiled(random.graph, results: results, level: losskit_kernel_level())
      let found = try #require(streamed(program, random), "RandomGraph(seed: \(seed), kind)")
      for (found, expected) in zip(found, expected) {
        #expect(found.map(\.bitPattern) == expected.map(\.bitPattern), "RandomGraph(seed: \(seed), kind)")
      }
    }
    #expect(differences > 50)
  }

  /// What the program writes; nil where a number is not finite.
  private func streamed(_ program: Program, _ random: RandomGraph) -> [[Double]]? {
    let rows = RandomGraph.rows
    func memory(_ value: (Int) -> Double) -> UnsafeMutableBufferPointer<Double> {
      let memory = UnsafeMutableBufferPointer<Double>.allocate(capacity: rows)
      _ = memory.initialize(from: (0..<rows).map(value))
      return memory
    }
    let inputs = program.externals.map { external in memory { random.external(external, row: $0) } }
    let outputs = (0..<program.outputCount).map { _ in memory { _ in .nan } }
    defer { for memory in inputs + outputs { memory.deallocate() } }
    func columns(_ all: [UnsafeMutableBufferPointer<Double>]) -> [losskit_host_column] {
      all.map {
        losskit_host_column(data: $0.baseAddress, stride: MemoryLayout<Double>.stride, factor: 1, is_float: 0)
      }
    }
    var (externals, results) = (columns(inputs), columns(outputs))
    let sum = externals.withUnsafeMutableBufferPointer { externals in
      results.withUnsafeMutableBufferPointer { program.runStreamed(0..<rows, externals: externals, outputs: $0) }
    }
    return sum.map { _ in outputs.map { Array($0) } }
  }
}
