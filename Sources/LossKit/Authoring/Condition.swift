/// A condition on formulas, the first argument of `select`.
///
/// A comparison of formulas makes one: `select(a > b, x, y)`. It is not a `Bool`, because a formula is traced once, before data exist;
/// Swift's `if` and `?:` do not compile with it.
public struct Condition: Sendable {
  /// Positive where the condition holds, or, if inverted, where it does not.
  let sign: Formula
  let isInverted: Bool

  init(_ sign: Formula, isInverted: Bool = false) {
    self.sign = sign
    self.isInverted = isInverted
  }
}

/// `a` where the condition holds, otherwise `b`. The other value contributes no gradient, even if it is not finite.
public func select(_ condition: Condition, _ a: Formula, _ b: Formula) -> Formula {
  condition.isInverted ? select(condition.sign, b, a) : select(condition.sign, a, b)
}

extension Formula {
  /// Whether `a` is greater than `b`.
  public static func > (a: Self, b: Self) -> Condition { Condition(a - b) }
  /// Whether `a` is less than `b`.
  public static func < (a: Self, b: Self) -> Condition { Condition(b - a) }
  /// Whether `a` is greater than or equal to `b`.
  public static func >= (a: Self, b: Self) -> Condition { Condition(b - a, isInverted: true) }
  /// Whether `a` is less than or equal to `b`.
  public static func <= (a: Self, b: Self) -> Condition { Condition(a - b, isInverted: true) }
  /// Whether `a` and `b` are equal.
  public static func == (a: Self, b: Self) -> Condition { Condition(abs(a - b), isInverted: true) }
  /// Whether `a` and `b` differ.
  public static func != (a: Self, b: Self) -> Condition { Condition(abs(a - b)) }
}

// Comparisons in `if` or `?:` resolve to these, so that the compiler can say what to write instead.
extension Formula {
  /// Unavailable: formulas do not compare to `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a > b, x, y)"
  )
  public static func > (a: Self, b: Self) -> Bool { false }
  /// Unavailable: formulas do not compare to `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a < b, x, y)"
  )
  public static func < (a: Self, b: Self) -> Bool { false }
  /// Unavailable: formulas do not compare to `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a >= b, x, y)"
  )
  public static func >= (a: Self, b: Self) -> Bool { false }
  /// Unavailable: formulas do not compare to `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a <= b, x, y)"
  )
  public static func <= (a: Self, b: Self) -> Bool { false }
  /// Unavailable: formulas do not compare to `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a == b, x, y)"
  )
  public static func == (a: Self, b: Self) -> Bool { false }
  /// Unavailable: formulas do not compare to `Bool`.
  @available(
    *, unavailable, message: "a formula has no Bool: it is traced before there are data; write select(a != b, x, y)"
  )
  public static func != (a: Self, b: Self) -> Bool { false }
}
