/// The derivative of `f` at 0 by six-point differences, with an error of the sixth power of `step`.
package func derivative(step: Double, _ f: (Double) throws -> Double) rethrows -> Double {
  let slope = try [1.0, 2, 3].map { try (f($0 * step) - f(-$0 * step)) / (2 * $0 * step) }
  return (15 * slope[0] - 6 * slope[1] + slope[2]) / 10
}
