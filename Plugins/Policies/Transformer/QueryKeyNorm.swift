import CLossKitRows
import LossKitHead

/// RMSNorm of the queries and of the keys of each token, per head or over all heads, before rotation.
struct QueryKeyNorm {
  let architecture: Architecture
  /// The weights of a norm, one per value of its width, offset included.
  let queryWeight, keyWeight: UnsafeMutablePointer<Float>
  private let queryWidth, keyWidth: Int

  init(
    _ kind: LayerVariant.QueryKeyNorm, _ architecture: Architecture, queryWeight: UnsafeMutablePointer<Float>,
    keyWeight: UnsafeMutablePointer<Float>
  ) {
    self.architecture = architecture
    self.queryWeight = queryWeight
    self.keyWeight = keyWeight
    queryWidth = kind == .head ? architecture.headSize : architecture.querySize
    keyWidth = kind == .head ? architecture.headSize : architecture.keyValueSize
  }

  /// The size of a token's queries and keys.
  private var size: Int { architecture.querySize + architecture.keyValueSize }

  /// Norms the queries and keys of each row of `queryKeyValue` in place, and keeps those before in `before`, [rows, queries and keys].
  func apply(
    _ queryKeyValue: UnsafeMutablePointer<Float>, before: UnsafeMutablePointer<Float>, rows: Int
  ) {
    let kernels = RowKernels.best
    Team.run(rows, fewest: RowKernels.fewestRows(width: size)) { _, rows in
      for row in rows {
        let normed = queryKeyValue + row * architecture.attentionSize, raw = before + row * size
        raw.update(from: normed, count: size)
        forEachNorm { start, width, weight, _ in
          kernels.norm(raw + start, inverse(raw + start, width), weight, normed + start, 0, width)
        }
      }
    }
  }

  /// The size of `scratch` below, in floats.
  static func scratchCount(_ architecture: Architecture) -> Int {
    architecture.variant.queryKeyNorm == nil ? 0 : Team.size * 2 * (architecture.querySize + architecture.keyValueSize)
  }

  /// Replaces the gradients of normed queries and keys by those before the norm, and adds the gradients of the weights, unless
  /// they are nil.
  func backward(
    _ gradient: UnsafeMutablePointer<Float>, before: UnsafeMutablePointer<Float>, rows: Int,
    queryWeightGradient: UnsafeMutablePointer<Float>?, keyWeightGradient: UnsafeMutablePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let kernels = RowKernels.best, size = size
    // Each thread's row of gradients, and its sums of the weights' gradients.
    let members = Team.run(rows, fewest: RowKernels.fewestRows(width: size)) { member, rows in
      let result = scratch + 2 * member * size, sums = result + size
      sums.update(repeating: 0, count: size)
      for row in rows {
        let cotangent = gradient + row * architecture.attentionSize, raw = before + row * size
        result.update(repeating: 0, count: size)
        forEachNorm { start, width, weight, weightStart in
          kernels.norm_gradient(
            raw + start, inverse(raw + start, width), weight, cotangent + start, result + start, sums + weightStart,
            width)
        }
        cotangent.update(from: result, count: size)
      }
    }
    guard let queryWeightGradient, let keyWeightGradient else { return }
    for member in 0..<members {
      let sums = scratch + (2 * member + 1) * size
      kernels.add(queryWeightGradient, sums, queryWidth)
      kernels.add(keyWeightGradient, sums + architecture.querySize, keyWidth)
    }
  }

  /// Calls `body` with the start and width of each norm in a row, its weights, and the start of their gradients in a row of sums.
  @inline(__always)
  private func forEachNorm(_ body: (Int, Int, UnsafeMutablePointer<Float>, Int) -> Void) {
    let query = architecture.querySize
    for start in stride(from: 0, to: query, by: queryWidth) { body(start, queryWidth, queryWeight, 0) }
    for start in stride(from: query, to: size, by: keyWidth) { body(start, keyWidth, keyWeight, query) }
  }

  @inline(__always)
  private func inverse(_ values: UnsafeMutablePointer<Float>, _ width: Int) -> Float {
    1 / (RowKernels.best.dot(values, values, width) / Float(width) + Float(architecture.normEpsilon)).squareRoot()
  }
}
