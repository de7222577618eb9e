extension ControlledDataset {
  /// A positive word, a negative one of the same length, and the positive word's weight.
  struct Opposites {
    var kind: String
    var unkind: String
    var weight: Double
  }

  /// What a review is about, and its parts.
  struct Subject {
    var name: String
    var parts: [String]
  }

  static let opposites = [
    Opposites(kind: "brilliant", unkind: "atrocious", weight: 5),
    Opposites(kind: "stunning", unkind: "horrible", weight: 4.5),
    Opposites(kind: "superb", unkind: "dismal", weight: 4.5),
    Opposites(kind: "great", unkind: "awful", weight: 4),
    Opposites(kind: "charming", unkind: "tiresome", weight: 3),
    Opposites(kind: "lovely", unkind: "clumsy", weight: 3),
    Opposites(kind: "moving", unkind: "boring", weight: 3),
    Opposites(kind: "clever", unkind: "stupid", weight: 2.5),
    Opposites(kind: "elegant", unkind: "painful", weight: 2.5),
    Opposites(kind: "joyful", unkind: "dreary", weight: 2.5),
    Opposites(kind: "fresh", unkind: "stale", weight: 2),
    Opposites(kind: "honest", unkind: "phoney", weight: 2),
    Opposites(kind: "neat", unkind: "dull", weight: 2),
    Opposites(kind: "sharp", unkind: "messy", weight: 2),
    Opposites(kind: "fine", unkind: "weak", weight: 1.5),
    Opposites(kind: "warm", unkind: "cold", weight: 1.5),
  ]

  static let vocabulary = opposites.flatMap { [$0.kind, $0.unkind] }

  static let subjects = [
    Subject(name: "film", parts: ["plot", "cast", "music", "ending"]),
    Subject(name: "novel", parts: ["plot", "hero", "style", "ending"]),
    Subject(name: "play", parts: ["stage", "cast", "text", "light"]),
    Subject(name: "album", parts: ["voice", "sound", "rhythm", "cover"]),
    Subject(name: "concert", parts: ["sound", "band", "hall", "singer"]),
    Subject(name: "hotel", parts: ["room", "bed", "view", "staff"]),
    Subject(name: "cafe", parts: ["coffee", "cake", "staff", "garden"]),
    Subject(name: "dinner", parts: ["soup", "fish", "wine", "waiter"]),
    Subject(name: "museum", parts: ["tour", "guide", "hall", "shop"]),
    Subject(name: "park", parts: ["lake", "path", "lawn", "cafe"]),
    Subject(name: "game", parts: ["story", "art", "music", "puzzle"]),
    Subject(name: "lecture", parts: ["topic", "speaker", "slide", "proof"]),
  ]
}
