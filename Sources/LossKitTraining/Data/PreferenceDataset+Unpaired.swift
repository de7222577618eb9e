extension PreferenceDataset {
  /// The pairs as unpaired feedback: each chosen response is desirable, each rejected one undesirable, in alternation.
  public var unpaired: PreferenceDataset {
    guard kind == .pairs else { return self }
    let examples = examples.flatMap { pair in
      [(0, true), (1, false)].map { place, label in
        var example = pair.keeping([place])
        example.label = label
        return example
      }
    }
    var report = report
    report.kept = examples.count
    return PreferenceDataset(examples: examples, source: source, report: report)
  }
}
