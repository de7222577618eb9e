extension PreferenceDataset {
  /// The likely problems for training on this data, each with its remedy.
  public var warnings: [String] { report.warnings + (classWarning.map { [$0] } ?? []) }

  /// Warns if one class of unpaired feedback is missing, or has many times as many responses as the other.
  private var classWarning: String? {
    guard kind == .unpaired else { return nil }
    let desirable = examples.count { $0.label == true }
    let undesirable = examples.count - desirable
    guard desirable > 0, undesirable > 0 else {
      let (there, missing) = desirable > 0 ? ("desirable", "undesirable") : ("undesirable", "desirable")
      return "all responses are \(there); add \(missing) ones, without which there is no contrast to learn"
    }
    let ratio = Double(desirable) / Double(undesirable)
    guard max(ratio, 1 / ratio) > Self.mostUneven else { return nil }
    let (weight, value) =
      ratio < 1 ? ("desirable_weight", 1 / ratio) : ("undesirable_weight", ratio)
    return
      "\(grouped(desirable)) desirable and \(grouped(undesirable)) undesirable responses; with kto, set \(weight) to "
      + "about \(grouped(Int(value.rounded()))) to balance them"
  }

  /// The ratio of the class sizes above which weights are recommended.
  private static let mostUneven = 4.0
}
