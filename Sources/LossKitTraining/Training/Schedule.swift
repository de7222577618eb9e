import LossKitSystem

/// The learning rate over the updates of a run: a linear warm-up from 0 to the peak, then a shape.
///
/// The values are those of the schedules with the same names in Hugging Face's trainer: update 0 of a warm-up has rate 0, and a shape
/// that falls to 0 would reach it one update after the last.
public struct Schedule: Sendable, Equatable {
  /// The shape after the warm-up.
  public enum Shape: String, CaseIterable, Sendable {
    /// Constant at the peak, without a warm-up.
    case constant
    /// Constant at the peak.
    case constantWithWarmup = "constant_with_warmup"
    /// Linear from the peak to 0.
    case linear
    /// Half a cosine, from the peak to 0.
    case cosine
    /// Half a cosine, from the peak to the minimum rate.
    case cosineWithLowest = "cosine_with_min_lr"
    /// Several half cosines, each from the peak to 0.
    case cosineWithRestarts = "cosine_with_restarts"
    /// The peak times √(W / update), where W is the length of the warm-up, or 10000 without one.
    case inverseSquareRoot = "inverse_sqrt"
  }

  /// The shape after the warm-up.
  public let shape: Shape
  /// The highest rate.
  public let peak: Double
  /// The number of warm-up updates.
  public let warmupSteps: Int
  /// The number of updates of the run.
  public let totalSteps: Int
  /// The minimum rate of `cosineWithLowest`, as a fraction of the peak.
  public let lowestPart: Double
  /// The number of half cosines of `cosineWithRestarts`.
  public let cycles: Int

  /// Creates a schedule over `totalSteps` updates, whose first `warmupSteps` rise to `peak`.
  public init(shape: Shape, peak: Double, warmupSteps: Int, totalSteps: Int, lowestPart: Double = 0, cycles: Int = 1) {
    self.shape = shape
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
    self.lowestPart = lowestPart
    self.cycles = cycles
  }

  /// The rate of an update, which is counted from 0.
  public func rate(atStep step: Int) -> Double {
    if step < warmupSteps { return peak * Double(step) / Double(warmupSteps) }
    let progress = Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps))
    switch shape {
    case .constant, .constantWithWarmup: return peak
    case .linear: return peak * max(0, Double(totalSteps - step) / Double(max(1, totalSteps - warmupSteps)))
    case .cosine: return peak * max(0, 0.5 * (1 + cos(.pi * progress)))
    case .cosineWithLowest:
      return peak * max(0, 0.5 * (1 + cos(.pi * progress)) * (1 - lowestPart) + lowestPart)
    case .cosineWithRestarts:
      guard progress < 1 else { return 0 }
      return peak * max(0, 0.5 * (1 + cos(.pi * (Double(cycles) * progress).truncatingRemainder(dividingBy: 1))))
    case .inverseSquareRoot:
      let scale = warmupSteps > 0 ? warmupSteps : 10_000
      return peak / (Double(step + scale - warmupSteps) / Double(scale)).squareRoot()
    }
  }
}
