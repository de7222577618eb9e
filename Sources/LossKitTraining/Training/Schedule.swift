#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The learning rate over the updates of a run: a linear warm-up from 0 to the peak, then a shape.
///
/// The values are those of the schedules of Hugging Face's trainer: update 0 of a warm-up has the rate 0, and the cosine
/// would reach 0 one update after the last.
public struct Schedule: Sendable, Equatable {
  /// What follows the warm-up.
  public enum Shape: String, CaseIterable, Sendable {
    /// The peak, to the end.
    case constant
    /// Half a cosine, from the peak to 0.
    case cosine
  }

  /// What follows the warm-up.
  public let shape: Shape
  /// The highest rate.
  public let peak: Double
  /// How many updates the warm-up takes.
  public let warmupSteps: Int
  /// How many updates the run has.
  public let totalSteps: Int

  /// A schedule over `totalSteps` updates, of which the first `warmupSteps` climb to `peak`.
  public init(shape: Shape, peak: Double, warmupSteps: Int, totalSteps: Int) {
    self.shape = shape
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
  }

  /// The rate of an update, counted from 0.
  public func rate(atStep step: Int) -> Double {
    if step < warmupSteps { return peak * Double(step) / Double(warmupSteps) }
    switch shape {
    case .constant: return peak
    case .cosine:
      let progress = Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps))
      return peak * max(0, 0.5 * (1 + cos(.pi * progress)))
    }
  }
}
