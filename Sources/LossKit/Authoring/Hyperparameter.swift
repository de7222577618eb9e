/// The range of values that a hyperparameter accepts.
public struct Bounds: Sendable, Equatable {
  /// The ends; infinite where the range is unbounded.
  public let lower, upper: Double
  /// Whether the end itself is excluded.
  public let isLowerOpen, isUpperOpen: Bool

  package init(_ lower: Double, _ upper: Double, isLowerOpen: Bool = false, isUpperOpen: Bool = false) {
    self.lower = lower
    self.upper = upper
    self.isLowerOpen = isLowerOpen
    self.isUpperOpen = isUpperOpen
  }

  /// Greater than 0.
  public static let positive = Bounds(0, .infinity, isLowerOpen: true, isUpperOpen: true)
  /// 0 or greater.
  public static let nonNegative = Bounds(0, .infinity, isUpperOpen: true)
  /// Any finite number.
  public static let any = Bounds(-.infinity, .infinity, isLowerOpen: true, isUpperOpen: true)
  /// From `lower` to `upper`, both included.
  public static func closed(_ lower: Double, _ upper: Double) -> Bounds { Bounds(lower, upper) }
  /// From `lower`, included, to `upper`, excluded.
  public static func halfOpen(_ lower: Double, _ upper: Double) -> Bounds { Bounds(lower, upper, isUpperOpen: true) }
  /// Between `lower` and `upper`, both excluded.
  public static func open(_ lower: Double, _ upper: Double) -> Bounds {
    Bounds(lower, upper, isLowerOpen: true, isUpperOpen: true)
  }

  /// Whether the range contains a value; false for NaN.
  public func contains(_ value: Double) -> Bool {
    (isLowerOpen ? value > lower : value >= lower) && (isUpperOpen ? value < upper : value <= upper)
  }
}

/// A setting of a component: a number, or a choice of its formula's form.
///
/// A `Formula` stays a symbol: it is printed by name, and another value needs no new trace. An integer, a Boolean, a choice or a `Double`
/// has its value while the author's function runs, so it can decide the form of the formula.
public struct Hyperparameter<Root>: Sendable {
  /// The description, without the root type.
  let description: HyperparameterDescription
  let initial: @Sendable (Root) -> Double
  /// Sets a value, or the symbol if the value is nil.
  let set: @Sendable (inout Root, Double?) -> Void

  private init(
    _ description: HyperparameterDescription, initial: @escaping @Sendable (Root) -> Double,
    set: @escaping @Sendable (inout Root, Double?) -> Void
  ) {
    self.description = description
    self.initial = initial
    self.set = set
  }

  /// A real number that stays a symbol in the formula. `symbol` is the paper's notation, in LaTeX.
  public init(
    _ name: String, _ path: any WritableKeyPath<Root, Formula> & Sendable, in bounds: Bounds, symbol: String = "",
    _ summary: String
  ) {
    self.init(
      HyperparameterDescription(
        name: name, symbol: symbol, summary: summary, kind: .real, bounds: bounds, isSymbolic: true),
      initial: { $0[keyPath: path].constantValue ?? .nan },
      set: { $0[keyPath: path] = $1.map { Formula($0) } ?? .parameter(name) })
  }

  /// A real number whose value is known while the formula is traced.
  public init(
    _ name: String, _ path: any WritableKeyPath<Root, Double> & Sendable, in bounds: Bounds, symbol: String = "",
    _ summary: String
  ) {
    self.init(
      HyperparameterDescription(name: name, symbol: symbol, summary: summary, kind: .real, bounds: bounds),
      initial: { $0[keyPath: path] }, set: { if let value = $1 { $0[keyPath: path] = value } })
  }

  /// A whole number.
  public init(
    _ name: String, _ path: any WritableKeyPath<Root, Int> & Sendable, in range: ClosedRange<Int>, symbol: String = "",
    _ summary: String
  ) {
    self.init(
      HyperparameterDescription(
        name: name, symbol: symbol, summary: summary, kind: .integer,
        bounds: .closed(Double(range.lowerBound), Double(range.upperBound))),
      initial: { Double($0[keyPath: path]) },
      set: { if let value = $1.flatMap({ Int(exactly: $0) }) { $0[keyPath: path] = value } })
  }

  /// A Boolean.
  public init(_ name: String, _ path: any WritableKeyPath<Root, Bool> & Sendable, _ summary: String) {
    self.init(
      HyperparameterDescription(name: name, symbol: "", summary: summary, kind: .boolean, bounds: .closed(0, 1)),
      initial: { $0[keyPath: path] ? 1 : 0 }, set: { if let value = $1 { $0[keyPath: path] = value != 0 } })
  }

  /// One case of an enumeration, by its raw value.
  public init<E: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ path: any WritableKeyPath<Root, E> & Sendable, _ summary: String
  ) {
    let all = Array(E.allCases)
    self.init(
      HyperparameterDescription(
        name: name, symbol: "", summary: summary, kind: .choice, bounds: .closed(0, Double(all.count - 1)),
        choices: all.map(\.rawValue)),
      initial: { root in Double(all.firstIndex { $0.rawValue == root[keyPath: path].rawValue } ?? 0) },
      set: { root, value in
        if let index = value.flatMap({ Int(exactly: $0) }), all.indices.contains(index) {
          root[keyPath: path] = all[index]
        }
      })
  }

  /// Marks the factor by which metrics scale the reward, usually β.
  public func scalingRewards() -> Self {
    var scaling = description
    scaling.isRewardScale = true
    return Self(scaling, initial: initial, set: set)
  }
}

/// The description of a hyperparameter, without the type that it belongs to.
struct HyperparameterDescription: Sendable {
  /// The type of a value.
  enum Kind: UInt32, Sendable {
    /// A real number.
    case real = 0
    /// A whole number.
    case integer = 1
    /// A Boolean.
    case boolean = 2
    /// One of several names.
    case choice = 3
  }

  let name, symbol, summary: String
  let kind: Kind
  let bounds: Bounds
  var choices: [String] = []
  var isRewardScale = false
  /// Whether it is a `Formula`, which changes values but never the form.
  var isSymbolic = false
}
