import LossKitHead

/// The gradient of the weights, accumulated over the calls of an update. A failed call leaves it unchanged.
final class GradientAccumulator {
  /// The sum, laid out like the weights.
  let sum: FloatBuffer
  /// Whether nothing has been added since the last update, so that `sum` is 0.
  private var isEmpty = true
  /// The sum before a call, saved unless it is 0.
  private var before: FloatBuffer?

  init(count: Int) throws { sum = try FloatBuffer(count: count) }

  /// Calls `body`, which adds to `sum`; restores `sum` if it throws.
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

  /// Notes that an update used the sum and cleared it.
  func forget() { isEmpty = true }
}
