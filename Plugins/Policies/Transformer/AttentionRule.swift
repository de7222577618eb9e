/// What the attention of one layer computes.
struct AttentionRule: Sendable {
  var rotary: Rotary
  /// The number of keys that a query sees, its own included; 0 for all.
  let window: Int
  /// The factor on scores.
  let scale: Float
  /// The limit of the soft cap on scores, if any.
  let cap: Float?

  /// The number of keys before those that the query at `position` sees.
  func hiddenKeys(before position: Int) -> Int { window > 0 ? max(0, position + 1 - window) : 0 }
}
