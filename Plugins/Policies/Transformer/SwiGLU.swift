/// The gated activation silu(gate) · up (Shazeer 2020), where silu(x) = x · sigmoid(x). A row holds the gates, then the ups.
enum SwiGLU {
  /// Writes silu(gate) · up, [rows, width], from [rows, 2 · width].
  static func apply(
    _ gateUp: UnsafeMutablePointer<Float>, into output: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    for row in 0..<rows {
      let gate = gateUp + row * 2 * width, up = gate + width, y = output + row * width
      forEachVector(count: width) { index, lanes in
        let g = load(gate + index, lanes), u = load(up + index, lanes)
        store(g / (exponential(-g) + 1) * u, to: y + index, lanes)
      }
    }
  }

  /// Writes the gradients of gates and ups from `cotangent`, and the output once more.
  static func gradient(
    _ gateUp: UnsafeMutablePointer<Float>, cotangent: UnsafeMutablePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, rows: Int, width: Int
  ) {
    for row in 0..<rows {
      let gate = gateUp + row * 2 * width, up = gate + width
      let gateGradient = gradient + row * 2 * width, upGradient = gateGradient + width
      let dy = cotangent + row * width, y = output + row * width
      forEachVector(count: width) { index, lanes in
        let g = load(gate + index, lanes), u = load(up + index, lanes), d = load(dy + index, lanes)
        let sigmoid = 1 / (exponential(-g) + 1)
        let silu = g * sigmoid
        store(silu * u, to: y + index, lanes)
        store(d * silu, to: upGradient + index, lanes)
        store(d * u * (sigmoid + silu * (1 - sigmoid)), to: gateGradient + index, lanes)
      }
    }
  }

  /// Calls `body` with each start of eight floats, and how many of the eight there are.
  @inline(__always)
  private static func forEachVector(count: Int, _ body: (Int, Int) -> Void) {
    var index = 0
    while index + 8 <= count {
      body(index, 8)
      index += 8
    }
    if index < count { body(index, count - index) }
  }

  @inline(__always)
  private static func load(_ pointer: UnsafeMutablePointer<Float>, _ lanes: Int) -> Vector {
    if lanes == 8 { return Vector(from: pointer) }
    var vector = Vector(repeating: 0)
    for lane in 0..<lanes { vector[lane] = pointer[lane] }
    return vector
  }

  @inline(__always)
  private static func store(_ vector: Vector, to pointer: UnsafeMutablePointer<Float>, _ lanes: Int) {
    if lanes == 8 { return vector.store(to: pointer) }
    for lane in 0..<lanes { pointer[lane] = vector[lane] }
  }
}
