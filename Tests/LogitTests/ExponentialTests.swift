import CLossKitRows
import Foundation
import Testing

struct ExponentialTests {
  /// A sweep over all magnitudes of either sign: within 1.5 units in the last place of the exact value.
  @Test(arguments: levels) func isWithinItsBound(level: Int32) {
    // 2.6 million arguments between 2⁻³⁰ and 87.3 from 0, and the integers.
    var arguments: [Float] = (-87...87).map { -Float($0) }
    var x: Float = 0x1p-30
    while x < 87.33 {
      arguments.append(-x)
      arguments.append(x)
      x *= 1.0000189
    }
    var results = arguments
    losskit_exponentials(arguments, arguments.count, &results, level)
    var worst = 0.0
    for (argument, result) in zip(arguments, results) {
      let exact = exp(Double(argument))
      worst = max(worst, abs(Double(result) - exact) / Double(Float(exact).ulp))
    }
    #expect(worst <= 1.5)
  }

  @Test(arguments: levels) func edges(level: Int32) {
    let arguments: [Float] = [0, -0.0, -88.4, -1e4, -.greatestFiniteMagnitude, -.infinity, .nan]
    var results = arguments
    losskit_exponentials(arguments, arguments.count, &results, level)
    #expect(Array(results[..<6]) == [1, 1, 0, 0, 0, 0])
    #expect(results[6].isNaN)
  }
}
