import LossKitHead

/// The gradient of the weights, summed up over the calls of an update. What a call adds that fails is taken back.
final class GradientAccumulator {
  /// The sum, laid out as the weights.
  let sum: FloatBuffer
  /// Whether nothing was added since the last update, so that `sum` is 0.
  private var isEmpty = true
  /// The sum before a call, where it was not 0.
  private var before: FloatBuffer?

  init(count: Int) throws { sum = try FloatBuffer(count: count) }

  /// Calls `body`, which adds to `sum`; where it throws, `sum` is as before.
  func add(_ body: () throws -> Void) throws {
    if !isEmpty {
      let before = try before ?? FloatBuffer(count: sum.count)
      self.before = before
      before.copy(from: sum)
    }
    do {
      try body()
      isEmpty = false
    } catch {
      if !isEmpty, let before { sum.copy(from: before) } else { sum.clear() }
      throw error
    }
  }

  /// An update has used the sum and set it to 0.
  func forget() { isEmpty = true }
}
