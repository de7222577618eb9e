import LossKitSystem

/// The learning rate over the updates of a run: a linear warm-up from 0 to the peak, then a shape.
///
/// The values are those of the schedules of Hugging Face's trainer that have the same names: update 0 of a warm-up has the rate 0,
/// and a shape that falls to 0 would reach it one update after the last.
public struct Schedule: Sendable, Equatable {
  /// What follows the warm-up.
  public enum Shape: String, CaseIterable, Sendable {
    /// The peak, to the end, without a warm-up.
    case constant
    /// The peak, to the end.
    case constantWithWarmup = "constant_with_warmup"
    /// A line from the peak to 0.
    case linear
    /// Half a cosine, from the peak to 0.
    case cosine
    /// Half a cosine, from the peak to the lowest rate.
    case cosineWithLowest = "cosine_with_min_lr"
    /// Several halves of a cosine, each from the peak to 0.
    case cosineWithRestarts = "cosine_with_restarts"
    /// The peak times √(W / update), where W is the length of the warm-up, 10000 without one.
    case inverseSquareRoot = "inverse_sqrt"
  }

  /// What follows the warm-up.
  public let shape: Shape
  /// The highest rate.
  public let peak: Double
  /// How many updates the warm-up takes.
  public let warmupSteps: Int
  /// How many updates the run has.
  public let totalSteps: Int
  /// The part of the peak that `cosineWithLowest` falls to.
  public let lowestPart: Double
  /// How many times `cosineWithRestarts` falls.
  public let cycles: Int

  /// A schedule over `totalSteps` updates, of which the first `warmupSteps` climb to `peak`.
  public init(shape: Shape, peak: Double, warmupSteps: Int, totalSteps: Int, lowestPart: Double = 0, cycles: Int = 1) {
    self.shape = shape
    self.peak = peak
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
    self.lowestPart = lowestPart
    self.cycles = cycles
  }

  /// The rate of an update, counted from 0.
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
