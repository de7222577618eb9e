/// RMSNorm (Zhang and Sennrich 2019): y = w · x / √(mean x² + ε), row by row.
enum Norm {
  /// Writes 1 / √(mean x² + ε) of each row.
  static func inverses(
    _ input: UnsafeMutablePointer<Float>, into inverses: UnsafeMutablePointer<Float>, rows: Int, width: Int,
    epsilon: Float
  ) {
    for row in 0..<rows {
      let x = UnsafePointer(input + row * width)
      inverses[row] = 1 / (dotProduct(x, x, count: width) / Float(width) + epsilon).squareRoot()
    }
  }

  /// Writes w · x · inverse.
  static func apply(
    _ input: UnsafeMutablePointer<Float>, inverses: UnsafeMutablePointer<Float>, weight: UnsafeMutablePointer<Float>,
    into output: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    for row in 0..<rows {
      let x = input + row * width, y = output + row * width, inverse = inverses[row]
      for index in 0..<width { y[index] = x[index] * inverse * weight[index] }
    }
  }

  /// Adds to `gradient` the gradient of x, and to `weightGradient` that of w, from `cotangent`, the gradient of y.
  static func addGradient(
    _ input: UnsafeMutablePointer<Float>, inverses: UnsafeMutablePointer<Float>, weight: UnsafeMutablePointer<Float>,
    cotangent: UnsafeMutablePointer<Float>, into gradient: UnsafeMutablePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    for row in 0..<rows {
      let x = input + row * width, dy = cotangent + row * width, dx = gradient + row * width
      let inverse = inverses[row]
      let projection = weightedDotProduct(x, dy, weight, width)
      let pull = projection * inverse * inverse * inverse / Float(width)
      for index in 0..<width {
        let scaled = dy[index] * inverse
        dx[index] += scaled * weight[index] - x[index] * pull
        weightGradient[index] += scaled * x[index]
      }
    }
  }

  @inline(__always)
  private static func weightedDotProduct(
    _ x: UnsafeMutablePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ weight: UnsafeMutablePointer<Float>,
    _ count: Int
  ) -> Float {
    var sums = Vector(repeating: 0)
    var index = 0
    while index + 8 <= count {
      sums += Vector(from: x + index) * Vector(from: y + index) * Vector(from: weight + index)
      index += 8
    }
    var sum = sums.sum()
    while index < count {
      sum += x[index] * y[index] * weight[index]
      index += 1
    }
    return sum
  }
}
