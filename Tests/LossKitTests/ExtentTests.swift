import CLossKitKernels
import LossKitTestSupport
import Testing

@testable import LossKit

/// Formulas over prompts, responses and tokens, with the engine and the plain evaluator.
@Suite struct ExtentTests {
  /// A batch of random columns: rankings and responses of several lengths, including an empty response.
  struct Sample {
    let tokens: [[Int]]
    let responses: Int
    /// Three columns per token, two per response, one per prompt.
    private(set) var columns: [Extent: [[Double]]] = [:]

    init(counts: [Int], seed: UInt64) {
      var numbers = SeededNumbers(seed: seed)
      tokens = counts.map { count in (0..<count).map { _ in Int.random(in: 0..<40, using: &numbers) } }
      responses = counts.max() ?? 1
      for (extent, count) in [(Extent.prompt, 1), (.response, 2), (.token, 3)] {
        let rows = rows.count(extent)
        columns[extent] = (0..<count).map { _ in (0..<rows).map { _ in numbers.normal() } }
      }
    }

    var rows: PlainEvaluation.Rows { PlainEvaluation.Rows(tokens: tokens) }
  }

  /// A graph and its expected results.
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// The requested nodes.
    let build: @Sendable (inout GraphBuilder) -> [Int]
  }

  /// Columns of the sample, by number: the prompt's is 0, the responses' 1 and 2, the tokens' 3 to 5.
  private static func extent(of column: Int) -> (Extent, place: Int) {
    column == 0 ? (.prompt, 0) : column < 3 ? (.response, column - 1) : (.token, column - 3)
  }

  private static func column(_ index: Int, _ builder: inout GraphBuilder) -> Int {
    builder.column(index, per: extent(of: index).0)
  }

  static let cases: [Case] = [
    Case(testDescription: "a token loss: clipped ratio with a penalty of the divergence") { builder in
      let (new, old, reference) = (column(3, &builder), column(4, &builder), column(5, &builder))
      let advantage = column(1, &builder)
      let ratio = builder.add(.exp, builder.add(.subtract, new, old))
      let clipped = builder.add(.clamp, ratio, builder.constant(0.8), builder.constant(1.2))
      let gain = builder.add(
        .minimum, builder.add(.multiply, ratio, advantage), builder.add(.multiply, clipped, advantage))
      let distance = builder.add(.subtract, reference, new)
      let divergence = builder.add(.subtract, builder.add(.expm1, distance), distance)
      return [builder.add(.subtract, builder.add(.multiply, builder.constant(0.04), divergence), gain)]
    },
    Case(testDescription: "an advantage: scores normalized by group") { builder in
      let score = column(1, &builder)
      let centered = builder.add(.subtract, score, builder.mean(score, to: .prompt))
      let variance = builder.mean(builder.add(.square, centered), to: .prompt)
      return [builder.add(.divide, centered, builder.add(.add, builder.add(.sqrt, variance), builder.constant(1e-4)))]
    },
    Case(testDescription: "a token loss of group-normalized scores, mean over the tokens of the batch") { builder in
      let score = column(1, &builder)
      let centered = builder.add(.subtract, score, builder.mean(score, to: .prompt))
      let spread = builder.add(.sqrt, builder.mean(builder.add(.square, centered), to: .prompt))
      let advantage = builder.add(.divide, centered, builder.add(.add, spread, builder.constant(1e-4)))
      let ratio = builder.add(.exp, builder.add(.subtract, column(3, &builder), column(4, &builder)))
      let loss = builder.add(.negate, builder.add(.multiply, ratio, builder.add(.stopGradient, advantage)))
      return [builder.mean(loss, to: .batch), loss]
    },
    Case(testDescription: "a number of tokens, of which no column is read") { builder in
      let count = builder.count(of: .token, per: .response)
      return [builder.add(.multiply, builder.pick(count, rank: 1), column(0, &builder))]
    },
    Case(testDescription: "a ratio of sequences, by the mean of its tokens") { builder in
      let difference = builder.add(.subtract, column(3, &builder), column(4, &builder))
      let ratio = builder.add(.exp, builder.mean(difference, to: .response))
      return [builder.add(.multiply, ratio, column(1, &builder))]
    },
    Case(testDescription: "a ranking's likelihood by a scan") { builder in
      let reward = builder.add(.multiply, column(1, &builder), builder.constant(0.3))
      let left = builder.scanLogSumExp(reward, along: .prompt, isReversed: true)
      return [builder.sum(builder.add(.subtract, left, reward), over: .response, to: .prompt)]
    },
    Case(testDescription: "a sum over the tokens within the length of the shortest response, of two ranks") { builder in
      let count = builder.count(of: .token, per: .response)
      let shortest = builder.add(.negate, builder.largest(builder.add(.negate, count), to: .prompt))
      let inside = builder.add(.subtract, shortest, builder.place(of: .token, in: .response))
      let weight = builder.add(.select, inside, builder.constant(1), builder.constant(0.25))
      let reward = builder.sum(builder.add(.multiply, weight, column(3, &builder)), over: .token, to: .response)
      let margin = builder.add(.subtract, builder.pick(reward, rank: 0), builder.pick(reward, rank: 1))
      return [builder.add(.softplus, builder.add(.negate, margin)), reward]
    },
    Case(testDescription: "discounted returns, forwards and backwards") { builder in
      let factor = builder.add(.sigmoid, column(4, &builder))
      let back = builder.scan(factor, column(3, &builder), along: .response, isReversed: true)
      return [back, builder.scan(factor, column(3, &builder), along: .response)]
    },
    Case(testDescription: "log Σ exp over tokens, over a prompt's responses, and the largest of all") { builder in
      let tokens = builder.logSumExp(column(3, &builder), to: .response)
      let responses = builder.logSumExp(column(2, &builder), to: .prompt)
      let largest = builder.largest(builder.add(.add, column(1, &builder), column(0, &builder)), to: .batch)
      return [
        builder.add(
          .add, builder.add(.select, builder.count(of: .token, per: .response), tokens, builder.constant(0)), responses),
        builder.add(.subtract, responses, largest),
      ]
    },
    Case(testDescription: "the order of a response's tokens, and what stands before each") { builder in
      let value = column(3, &builder)
      let order = builder.order(value, along: .response)
      let before = builder.shift(value, by: 1, filling: 0.5, along: .response)
      return [
        builder.add(.multiply, builder.add(.add, order, builder.constant(1)), builder.add(.subtract, value, before))
      ]
    },
    Case(testDescription: "statistics of prompts within statistics") { builder in
      let reward = builder.pick(column(1, &builder), rank: 0)
      let mean = builder.mean(reward, to: .batch)
      let spread = builder.mean(builder.add(.square, builder.add(.subtract, reward, mean)), to: .batch)
      return [builder.add(.divide, builder.add(.subtract, reward, mean), builder.add(.sqrt, spread))]
    },
  ]

  static let shapes: [[Int]] = [
    [2, 2, 2, 2, 2], [3], [4, 4, 4], [2, 5, 3, 2, 9, 2], Array(repeating: 2, count: 700) + [300, 2],
  ]

  @Test(arguments: cases, shapes)
  func theEngineAgreesWithThePlainEvaluator(item: Case, counts: [Int]) throws {
    for level in 1...losskit_kernel_level() {
      let sample = Sample(counts: counts, seed: 3)
      var builder = GraphBuilder()
      let outputs = item.build(&builder)
      let last = outputs[0]
      let meant = max(builder.extents[last], .prompt)
      let gradients = builder.differentiate(outputs: [last], cotangents: [builder.constant(1)], per: meant)
      let inputs = gradients.indices.filter { builder.nodes[$0].operation == .column }
      let zero = builder.constant(0)
      var graph = Graph()
      let results = (outputs + inputs.map { gradients[$0] ?? zero })
      graph.nodes = builder.nodes
      let extents = outputs.map { max(builder.extents[$0], .prompt) } + inputs.map { builder.extents[$0] }
      let found = try Self.run(graph, results: Array(zip(results, extents)), sample, level: level)
      let plain = PlainEvaluation(graph, rows: sample.rows) { external, row in
        guard case .column(let index, _) = external else { return .nan }
        let (extent, place) = Self.extent(of: index)
        return sample.columns[extent]?[place][row] ?? .nan
      }
      let rows = sample.rows
      for (place, (node, extent)) in zip(results, extents).enumerated() {
        let own = graph.extents[node]
        let expected = (0..<rows.count(extent)).map { plain.values[node][rows.row($0, of: extent, in: own)] }
        #expect(
          worstError(found[place], expected) < 1e-12,
          "result \(place) of \(item.testDescription), \(counts.count) prompts")
      }
    }
  }

  /// The plain evaluator's gradients are the slopes of its values.
  @Test(arguments: cases)
  func derivativesAreThoseOfTheValues(item: Case) throws {
    let sample = Sample(counts: [2, 3, 2], seed: 8)
    var builder = GraphBuilder()
    let output = item.build(&builder)[0]
    var values = Graph()
    values.nodes = builder.nodes
    let meant = max(builder.extents[output], .prompt)
    let gradients = builder.differentiate(outputs: [output], cotangents: [builder.constant(1)], per: meant)
    var graph = Graph()
    graph.nodes = builder.nodes
    let rows = sample.rows
    func total(_ moved: Int, _ movedRow: Int, _ step: Double) -> Double {
      let plain = PlainEvaluation(values, rows: rows) { external, row in
        guard case .column(let index, _) = external else { return .nan }
        let (extent, place) = Self.extent(of: index)
        return (sample.columns[extent]?[place][row] ?? .nan) + (index == moved && row == movedRow ? step : 0)
      }
      let own = values.extents[output]
      return (0..<rows.count(meant)).reduce(0) { $0 + plain.values[output][rows.row($1, of: meant, in: own)] }
    }
    let plain = PlainEvaluation(graph, rows: rows) { external, row in
      guard case .column(let index, _) = external else { return .nan }
      let (extent, place) = Self.extent(of: index)
      return sample.columns[extent]?[place][row] ?? .nan
    }
    let isStopped = values.nodes.contains { $0.operation == .stopGradient }
    for input in gradients.indices where builder.nodes[input].operation == .column {
      guard let gradient = gradients[input] else { continue }
      let index = builder.nodes[input].a
      // Differences do not see stopped gradients.
      if isStopped, index == 1 { continue }
      let (extent, _) = Self.extent(of: index)
      let own = graph.extents[gradient]
      for row in 0..<min(rows.count(extent), 12) {
        let step = 1e-5
        let difference = (total(index, row, step) - total(index, row, -step)) / (2 * step)
        let slope = plain.values[gradient][rows.row(row, of: extent, in: own)]
        #expect(abs(difference - slope) < 1e-7 * max(1, abs(slope)), "column \(index), row \(row)")
      }
    }
  }

  /// Runs a graph over columns in a host's layout: rank-major, with space for responses that a prompt does not have.
  private static func run(
    _ graph: Graph, results: [(node: Int, extent: Extent)], _ sample: Sample, level: Int32
  ) throws -> [[Double]] {
    let plan = Plan.compile(graph, results: results)
    let (prompts, ranks) = (sample.tokens.count, sample.responses)
    // The rows of the sample, prompt by prompt, with their indices in a host's column.
    var offsets = [0]
    for rank in 0..<ranks {
      for prompt in 0..<prompts {
        offsets.append(
          offsets[rank * prompts + prompt] + (rank < sample.tokens[prompt].count ? sample.tokens[prompt][rank] : 0))
      }
    }
    let responses = sample.tokens.enumerated().flatMap { prompt, lengths in
      lengths.indices.map { $0 * prompts + prompt }
    }
    let lengths = sample.tokens.flatMap { $0 }
    let tokens = zip(responses, lengths).flatMap { place, length in (0..<length).map { offsets[place] + $0 } }
    func places(_ extent: Extent) -> [Int] {
      extent == .token ? tokens : extent == .response ? responses : Array(0..<prompts)
    }
    func size(_ extent: Extent) -> Int {
      extent == .token ? offsets[offsets.count - 1] : extent == .response ? ranks * prompts : prompts
    }
    func memory(_ extent: Extent) -> UnsafeMutableBufferPointer<Double> {
      let memory = UnsafeMutableBufferPointer<Double>.allocate(capacity: max(size(extent), 1))
      memory.initialize(repeating: .nan)
      return memory
    }
    func column(_ memory: UnsafeMutableBufferPointer<Double>) -> losskit_host_column {
      losskit_host_column(
        data: memory.baseAddress, stride: 8, rank_stride: 8 * prompts, factor: 1, is_float: 0, is_ragged: 0)
    }
    let inputs = plan.externals.map { external -> UnsafeMutableBufferPointer<Double> in
      guard case .column(let index, _) = external else { return memory(.prompt) }
      let (extent, place) = Self.extent(of: index)
      let values = memory(extent)
      for (row, target) in places(extent).enumerated() { values[target] = sample.columns[extent]?[place][row] ?? .nan }
      return values
    }
    let outputs = results.map { memory($0.extent) }
    defer { for memory in inputs + outputs { memory.deallocate() } }
    let counts = sample.tokens.map { UInt32($0.count) }
    var call = RunCall()
    call.level = level
    call.responseCount = responses.count
    call.tokenCount = tokens.count
    let (inputColumns, outputColumns) = (inputs.map(column), outputs.map(column))
    inputColumns.withUnsafeBufferPointer { inputColumns in
      outputColumns.withUnsafeBufferPointer { outputColumns in
        counts.withUnsafeBufferPointer { counts in
          offsets.withUnsafeBufferPointer { offsets in
            var rows = losskit_rows()
            (rows.prompts, rows.batch_prompts, rows.responses) = (prompts, prompts, ranks)
            rows.counts = Set(counts).count > 1 ? counts.baseAddress : nil
            rows.token_offsets = offsets.baseAddress
            _ = BatchRun.run(
              plan, rows, inputs: inputColumns.baseAddress, outputs: outputColumns.baseAddress, call)
          }
        }
      }
    }
    return zip(outputs, results).map { memory, result in places(result.extent).map { memory[$0] } }
  }
}
