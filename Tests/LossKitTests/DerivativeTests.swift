import LossKitTestSupport
import Testing

@testable import LossKit

/// The derivative of every operation, at smooth points and at kinks.
@Suite struct DerivativeTests {
  /// The elementwise operations that authors can write.
  static let operations = Operation.allCases.filter { !$0.isInternal && $0.arity > 0 && !$0.isBatch }

  /// Operands at which the operation is smooth, with their distance to a kink or an end of the domain.
  private func operands(_ operation: LossKit.Operation, _ numbers: inout SeededNumbers) -> (
    point: [Double], room: Double
  ) {
    while true {
      let point = (0..<operation.arity).map { _ in numbers.uniform(-20...20) }
      let padded = point + [0, 0]
      let room = operation.entry.kinkDistance(padded[0], padded[1], padded[2])
      if room > 0.02 { return (point, room) }
    }
  }

  @Test(arguments: operations)
  func theRuleOfEveryOperationIsTheSlopeOfThePlainEvaluator(operation: LossKit.Operation) throws {
    var numbers = SeededNumbers(seed: UInt64(operation.rawValue))
    for _ in 0..<300 {
      let (point, room) = operands(operation, &numbers)
      let padded = point + [0, 0]
      let gradients = try gradients(of: operation, at: point)
      // stopGradient passes on values but no gradient.
      if operation == .stopGradient {
        #expect(gradients == [0])
        continue
      }
      for index in point.indices {
        let step = 2e-3 * min(1, room, max(abs(point[index]), 0.05))
        let slope = derivative(step: step) { offset in
          var moved = padded
          moved[index] += offset
          return operation(moved[0], moved[1], moved[2])
        }
        let size = abs(operation(padded[0], padded[1], padded[2]))
        #expect(
          abs(gradients[index] - slope) <= 1e-9 * abs(slope) + 1e-15 * size / step + 1e-13,
          "\(operation)\(point), operand \(index): \(gradients[index]), differences say \(slope)")
      }
    }
  }

  private func gradients(of operation: LossKit.Operation, at point: [Double]) throws -> [Double] {
    var builder = GraphBuilder()
    let inputs = point.indices.map { builder.insert(GraphNode(.input, a: $0)) } + [0, 0]
    let output = builder.add(operation, inputs[0], inputs[1], inputs[2])
    let found = builder.differentiate(outputs: [output], cotangents: [builder.insert(GraphNode(.cotangent))])
    var graph = Graph()
    graph.nodes = builder.nodes
    let values = PlainEvaluation(graph, rows: 1, parameters: [], state: []) { external, _ in
      if case .input(let slot) = external { point[slot.column] } else { 1 }
    }.values
    return point.indices.map { found[inputs[$0]].map { values[$0][0] } ?? 0 }
  }

  @Test(arguments: [
    (Operation.exp, 700.0), (.exp, -740), (.expm1, -40), (.log, 1e-300), (.log1p, 1e-18), (.log1p, -1 + 1e-15),
    (.tanh, 25), (.tanh, -300), (.sigmoid, 700), (.sigmoid, -700), (.logSigmoid, 700), (.logSigmoid, -700),
    (.softplus, 700), (.softplus, -700), (.log1mexp, -1e-12), (.log1mexp, -700), (.sqrt, 1e-300),
  ])
  func slopesInTheTailsKeepTheirDigits(operation: LossKit.Operation, x: Double) throws {
    func exp(_ x: Double) -> Double { Operation.exp(x) }
    let exact: Double =
      switch operation {
      case .exp, .expm1: exp(x)
      case .log: 1 / x
      case .log1p: 1 / (1 + x)
      case .tanh: 4 * exp(-2 * abs(x))
      case .sigmoid: exp(-abs(x))
      case .logSigmoid: x > 0 ? exp(-x) : 1
      case .softplus: x > 0 ? 1 : exp(x)
      case .log1mexp: -1 / Operation.expm1(-x)
      default: 0.5 / x.squareRoot()
      }
    let slope = try gradients(of: operation, at: [x])[0]
    #expect(relativeError(slope, exact, scale: 0) < 1e-13, "\(slope), not \(exact)")
  }

  @Test func slopesAtKinksAreAsStated() throws {
    #expect(try slopes(at: [0]) { x, _, _ in relu(x) } == [0, 0, 0])
    #expect(try slopes(at: [-0.0]) { x, _, _ in relu(x) } == [0, 0, 0])
    #expect(try slopes(at: [0]) { x, _, _ in abs(x) } == [0, 0, 0])
    #expect(try slopes(at: [3]) { x, _, _ in floor(x) } == [0, 0, 0])
    #expect(try slopes(at: [0, 5, 7]) { x, y, z in select(x, y, z) } == [0, 0, 1], "0 is not greater than 0")
    // On a tie the first operand has the slope.
    #expect(try slopes(at: [2, 2]) { x, y, _ in minimum(x, y) } == [1, 0, 0])
    #expect(try slopes(at: [2, 2]) { x, y, _ in maximum(x, y) } == [1, 0, 0])
    #expect(try slopes(at: [2]) { x, _, _ in maximum(2, x) } == [0, 0, 0])
    #expect(try slopes(at: [2]) { x, _, _ in maximum(x, 2) } == [1, 0, 0])
    #expect(try slopes(at: [2]) { x, _, _ in maximum(x, x) } == [1, 0, 0])
    // At its bounds, clamp has slope 0.
    #expect(try slopes(at: [1, 1, 4]) { x, y, z in clamp(x, y, z) } == [0, 1, 0])
    #expect(try slopes(at: [4, 1, 4]) { x, y, z in clamp(x, y, z) } == [0, 0, 1])
    #expect(try slopes(at: [2, 1, 4]) { x, y, z in clamp(x, y, z) } == [1, 0, 0])
    #expect(try slopes(at: [0, 1, 4]) { x, y, z in clamp(x, y, z) } == [0, 1, 0])
    #expect(try slopes(at: [5, 1, 4]) { x, y, z in clamp(x, y, z) } == [0, 0, 1])
  }

  @Test func aZeroCotangentAnnihilatesWhatIsInfinite() throws {
    #expect(try slopes(at: [-1, 1000]) { x, y, _ in select(x, exp(y), 3) } == [0, 0, 0])
    #expect(try slopes(at: [-1, 0]) { x, y, _ in select(x, log(y), y) } == [0, 1, 0])
    #expect(try slopes(at: [-1, 0]) { x, y, _ in select(x, sqrt(y) + 1 / y, 2 * y) } == [0, 2, 0])
    #expect(try slopes(at: [1, -3]) { x, y, _ in select(x, y, square(log(y)) * exp(-1000 * y)) } == [0, 1, 0])
    #expect(try slopes(at: [0, 1000]) { x, y, _ in relu(x) * y + relu(-x) * exp(y) }[0].isNaN == false)
    #expect(try slopes(at: [900, 2]) { x, y, _ in minimum(y, exp(x)) } == [0, 1, 0])
    // A prompt with cotangent 0 has no effect.
    let formula = try TracedFormula { x, _, _ in exp(x) * x }
    let gradients = formula.evaluate([[1000, 1], [0, 0], [0, 0]], cotangent: [0, 1]).gradients[0]
    #expect(gradients[0] == 0)
    #expect(relativeError(gradients[1], 2 * Operation.exp(1)) < 1e-15)
  }

  @Test func aStoppedGradientIsAConstant() throws {
    #expect(try slopes(at: [3, 5]) { x, y, _ in stopGradient(x) * y + x } == [1, 3, 0])
    #expect(try slopes(at: [3]) { x, _, _ in square(stopGradient(x)) } == [0, 0, 0])
    #expect(try slopes(at: [3]) { x, _, _ in stopGradient(x * x) * x } == [9, 0, 0])
  }

  @Test func logSumExpNeitherOverflowsNorLosesItsSlopes() throws {
    let formula = try TracedFormula { x, y, z in logSumExp([x, y, z]) }
    let points: [[Double]] = [[1000, 999, -1000], [0, 0, 0], [-1e4, -1e4, -10_001]]
    for point in points {
      let values = formula.evaluate(point.map { [$0] }, cotangent: [1])
      let largest = point.max() ?? 0
      let weights = point.map { Operation.exp($0 - largest) }
      let total = weights.reduce(0, +)
      #expect(relativeError(values.loss[0], largest + Operation.log(total)) < 1e-15)
      #expect(worstError(values.gradients.map { $0[0] }, weights.map { $0 / total }) < 1e-15)
    }
    #expect(try TracedFormula { x, _, _ in logSumExp([x]) }.loss([[4], [0], [0]]) == [4])
    #expect(try TracedFormula { _, _, _ in logSumExp([]) }.loss([[4], [0], [0]]) == [-.infinity])
  }
}
