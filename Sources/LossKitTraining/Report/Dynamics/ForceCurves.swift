/// The loss and the force on a single response as functions of its log-ratio, for desirable and undesirable responses.
struct ForceCurves {
  /// One kind of response.
  struct Curve {
    let name: String
    let loss, force: [Double]
  }

  let field: ForceField
  let places: [Double]
  let curves: [Curve]

  init(_ field: ForceField) throws {
    self.field = field
    let (low, extent) = (field.range.lowerBound, field.range.upperBound - field.range.lowerBound)
    let places = (0...160).map { low + extent * Double($0) / 160 }
    self.places = places
    let kinds = field.readsLabel ? [("desirable", 1.0), ("undesirable", 0)] : [("response", 1)]
    curves = try kinds.map { name, label in
      let samples = try field.samples(at: places.map { [$0] }, label: label)
      return Curve(name: name, loss: samples.map(\.loss), force: samples.map { -$0.slopes[0] })
    }
  }

  /// The direction in which each kind of response is pushed, and where.
  var readingAid: String {
    curves.map { curve in
      let most = curve.force.indices.max { curve.force[$0].magnitude < curve.force[$1].magnitude } ?? 0
      let ways = (curve.force.contains { $0 > 0 }, curve.force.contains { $0 < 0 })
      let way =
        switch ways {
        case (true, false): "pushed up"
        case (false, true): "pushed down"
        case (true, true): "pushed up or down"
        case (false, false): "not pushed"
        }
      let name = curve.name.prefix(1).uppercased() + curve.name.dropFirst()
      let subject = field.readsLabel ? "\(name) responses are" : "The response is"
      return ways == (false, false)
        ? "\(subject) not pushed." : "\(subject) \(way), most at \(brief(places[most])) nats."
    }.joined(separator: " ")
  }
}
