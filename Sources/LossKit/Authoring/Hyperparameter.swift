/// The values a hyperparameter may take.
public struct Bounds: Sendable, Equatable {
  /// The ends; infinite where there is none.
  public let lower, upper: Double
  /// Whether an end itself is excluded.
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

  /// Whether a value lies within; false for NaN.
  public func contains(_ value: Double) -> Bool {
    (isLowerOpen ? value > lower : value >= lower) && (isUpperOpen ? value < upper : value <= upper)
  }
}

/// A number a component can be given, or a form it can take.
///
/// A `Formula` stays a symbol: it is printed by name and costs no new trace. An integer, a Boolean, a choice or a plain `Double`
/// is a value while the formula is written, so it may decide its form.
public struct Hyperparameter<Root>: Sendable {
  /// What it is, apart from whose it is.
  let description: HyperparameterDescription
  let initial: @Sendable (Root) -> Double
  /// Sets the value; nil sets the symbol.
  let set: @Sendable (inout Root, Double?) -> Void

  private init(
    _ description: HyperparameterDescription, initial: @escaping @Sendable (Root) -> Double,
    set: @escaping @Sendable (inout Root, Double?) -> Void
  ) {
    self.description = description
    self.initial = initial
    self.set = set
  }

  /// A real number that stays a symbol in the formula. `symbol` is the paper's, in LaTeX.
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

  /// A real number that is a value while the formula is written.
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

  /// true or false.
  public init(_ name: String, _ path: any WritableKeyPath<Root, Bool> & Sendable, _ summary: String) {
    self.init(
      HyperparameterDescription(name: name, symbol: "", summary: summary, kind: .boolean, bounds: .closed(0, 1)),
      initial: { $0[keyPath: path] ? 1 : 0 }, set: { if let value = $1 { $0[keyPath: path] = value != 0 } })
  }

  /// One of the names of an enumeration.
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

  /// Marks the factor by which metrics scale the reward: the field's β.
  public func scalingRewards() -> Self {
    var scaling = description
    scaling.isRewardScale = true
    return Self(scaling, initial: initial, set: set)
  }
}

/// A hyperparameter, apart from whose it is.
struct HyperparameterDescription: Sendable {
  /// How a value is written.
  enum Kind: UInt32, Sendable {
    /// Any number.
    case real = 0
    /// A whole number.
    case integer = 1
    /// true or false.
    case boolean = 2
    /// One of some names.
    case choice = 3
  }

  let name, symbol, summary: String
  let kind: Kind
  let bounds: Bounds
  var choices: [String] = []
  var isRewardScale = false
  /// A formula: changes values only, never the form.
  var isSymbolic = false
}
