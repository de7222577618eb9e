import LossKitTestSupport
import Testing

@testable import LossKit

/// Nodes that depend on the whole batch: values, and gradients at every prompt.
@Suite struct BatchNodeTests {
  private let x = [2.0, -1, 4, 0.5], y = [1.0, 3, -2, 0.25], cotangent = [1.0, 10, 100, 1000]

  private func values(
    _ formula: @escaping @Sendable (Formula, Formula, Formula) -> Formula
  ) throws -> TracedFormula.Values {
    try TracedFormula(formula).evaluate([x, y, [0, 0, 0, 0]], cotangent: cotangent)
  }

  @Test func aMeanSpreadsItsGradientOverAllPrompts() throws {
    let found = try values { x, _, _ in batchMean(x) }
    #expect(found.loss == [1.375, 1.375, 1.375, 1.375])
    #expect(found.gradients[0] == Array(repeating: 1111.0 / 4, count: 4))
    #expect(try values { x, _, _ in batchSum(x) }.gradients[0] == Array(repeating: 1111, count: 4))
    #expect(try values { x, _, _ in stopGradient(batchMean(x)) * x }.gradients[0] == cotangent.map { $0 * 1.375 })
  }

  @Test func aSortReturnsEachGradientToWhereItsValueCameFrom() throws {
    let found = try values { x, _, _ in batchSorted(x) }
    #expect(found.loss == [-1, 0.5, 2, 4])
    // −1, of prompt 1, is first; 0.5, of prompt 3, is second; and so on.
    #expect(found.gradients[0] == [100, 1, 1000, 10])
  }

  @Test func aSortIsStable() throws {
    let formula = try TracedFormula { x, _, _ in batchSorted(x) }
    let found = formula.evaluate(
      [[1, 0, 1, 0, 1], [], []].map { $0.isEmpty ? [0, 0, 0, 0, 0] : $0 }, cotangent: [1, 2, 3, 4, 5])
    #expect(found.loss == [0, 0, 1, 1, 1])
    #expect(found.gradients[0] == [3, 1, 4, 2, 5])
  }

  @Test func countsRowsAndRandomNumbersAreConstants() throws {
    let found = try values { x, _, _ in x * Formula.batchCount + Formula.row }
    #expect(found.loss == [8, -3, 18, 5])
    #expect(found.gradients[0] == cotangent.map { 4 * $0 })
    let random = try values { x, _, _ in Formula.uniform(stream: 2) * x + 0 * Formula.uniform() }
    let numbers = (0..<4).map { UniformNumbers.value(seed: 7, stream: 2, row: $0) }
    #expect(random.gradients[0] == zip(numbers, cotangent).map(*))
    #expect(numbers.allSatisfy { $0 > 0 && $0 < 1 } && Set(numbers).count == 4)
  }

  @Test func randomNumbersOfDifferentSeedsStreamsAndRowsAreUnrelated() {
    var all: Set<Double> = []
    var sum = 0.0
    for seed in [0, 1, UInt64.max] {
      for stream in [0, 1, UInt32.max] {
        for row in 0..<1000 {
          let value = UniformNumbers.value(seed: seed, stream: stream, row: row)
          #expect(value > 0 && value < 1)
          all.insert(value)
          sum += value
        }
      }
    }
    #expect(all.count == 9000)
    #expect(abs(sum / 9000 - 0.5) < 0.01)
  }

  /// Nested and mixed nodes; each gradient is compared with differences of the values.
  static let nested: [(name: String, formula: @Sendable (Formula, Formula, Formula) -> Formula)] = [
    ("mean of a product with a mean", { x, y, _ in batchMean(x * batchMean(y * x)) * y }),
    ("variance", { x, _, _ in batchMean(square(x - batchMean(x))) + 0 * x }),
    ("three deep", { x, y, z in exp(batchMean(sigmoid(batchMean(x * y) - z)) * batchMean(z)) * x }),
    ("standard scores", { x, y, _ in (x - batchMean(x)) / sqrt(batchMean(square(x - batchMean(x))) + 1) * y }),
    ("sorted against sorted", { x, y, _ in softplus(batchSorted(x) - batchSorted(y)) }),
    ("mean of the sorted times rows", { x, y, _ in batchMean(batchSorted(x) * y) * Formula.row }),
    ("a sort of what depends on a mean", { x, y, _ in square(batchSorted(x * batchMean(y)) - y) }),
    ("a mean used twice", { x, y, _ in batchMean(x) * y + exp(batchMean(x)) }),
    ("log of a mean of exponentials", { x, _, z in log(batchMean(exp(x - z))) }),
    ("divided by a sum", { x, y, _ in x / batchSum(y * y) * Formula.batchCount }),
  ]

  @Test(arguments: nested.indices)
  func gradientsThroughNestedStatisticsAreTheSlopesOfTheSum(index: Int) throws {
    let (name, formula) = Self.nested[index]
    let traced = try TracedFormula(formula)
    var numbers = SeededNumbers(seed: UInt64(index))
    for _ in 0..<5 {
      let inputs = (0..<3).map { _ in numbers.normals(6) }
      let cotangent = numbers.normals(6)
      let found = traced.evaluate(inputs, cotangent: cotangent)
      for column in 0..<3 {
        for row in 0..<6 {
          let slope = derivative(step: 1e-3) { offset in
            var moved = inputs
            moved[column][row] += offset
            return zip(traced.loss(moved), cotangent).reduce(0) { $0 + $1.0 * $1.1 }
          }
          #expect(
            relativeError(found.gradients[column][row], slope) < 1e-8,
            "\(name): \(found.gradients[column][row]), differences say \(slope)")
        }
      }
    }
  }
}
