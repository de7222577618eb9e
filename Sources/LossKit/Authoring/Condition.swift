/// Whether something holds of a prompt's numbers: what `select` decides by.
///
/// A comparison of formulas makes one: `select(a > b, x, y)`. It is no `Bool`, for a formula is traced once, before there are data:
/// Swift's own `if` and `?:` do not compile on it.
public struct Condition: Sendable {
  /// Positive where the condition holds; of an inverted one, where it does not.
  let sign: Formula
  let isInverted: Bool

  init(_ sign: Formula, isInverted: Bool = false) {
    self.sign = sign
    self.isInverted = isInverted
  }
}

/// `a` where the condition holds, else `b`; the one not taken gives no gradient, whatever its value.
public func select(_ condition: Condition, _ a: Formula, _ b: Formula) -> Formula {
  condition.isInverted ? select(condition.sign, b, a) : select(condition.sign, a, b)
}

extension Formula {
  /// Whether `a` is greater.
  public static func > (a: Self, b: Self) -> Condition { Condition(a - b) }
  /// Whether `a` is less.
  public static func < (a: Self, b: Self) -> Condition { Condition(b - a) }
  /// Whether `a` is greater, or both are equal.
  public static func >= (a: Self, b: Self) -> Condition { Condition(b - a, isInverted: true) }
  /// Whether `a` is less, or both are equal.
  public static func <= (a: Self, b: Self) -> Condition { Condition(a - b, isInverted: true) }
  /// Whether both are equal.
  public static func == (a: Self, b: Self) -> Condition { Condition(abs(a - b), isInverted: true) }
  /// Whether both differ.
  public static func != (a: Self, b: Self) -> Condition { Condition(abs(a - b)) }
}

// What a comparison in `if` or `?:` is resolved to, for the compiler to say what to write. It cannot be called.
extension Formula {
  /// Not a `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a > b, x, y)"
  )
  public static func > (a: Self, b: Self) -> Bool { false }
  /// Not a `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a < b, x, y)"
  )
  public static func < (a: Self, b: Self) -> Bool { false }
  /// Not a `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a >= b, x, y)"
  )
  public static func >= (a: Self, b: Self) -> Bool { false }
  /// Not a `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a <= b, x, y)"
  )
  public static func <= (a: Self, b: Self) -> Bool { false }
  /// Not a `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a == b, x, y)"
  )
  public static func == (a: Self, b: Self) -> Bool { false }
  /// Not a `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a != b, x, y)"
  )
  public static func != (a: Self, b: Self) -> Bool { false }
}
