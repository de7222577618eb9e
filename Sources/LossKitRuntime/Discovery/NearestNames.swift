/// The names of `known` that `name` was probably meant to be, most likely first, three at most.
///
/// A near name differs by a few typing errors (a letter wrong, missing, added, or two swapped; case does not count) or
/// extends what was typed.
public func nearestNames(to name: String, in known: some Sequence<String>) -> [String] {
  let typed = Array(name.lowercased().unicodeScalars)
  let tolerance = typed.count < 3 ? 1 : min(3, max(1, typed.count / 3))
  let near = Set(known).compactMap { candidate -> (distance: Int, name: String)? in
    let scalars = Array(candidate.lowercased().unicodeScalars)
    if abs(scalars.count - typed.count) <= tolerance {
      let distance = editDistance(typed, scalars)
      if distance <= tolerance { return (distance, candidate) }
    }
    return typed.count >= 3 && scalars.starts(with: typed) ? (tolerance + 1, candidate) : nil
  }
  // If one name is very near, distant ones are no help.
  let limit = (near.map(\.distance).min() ?? 0) + 1
  return near.filter { $0.distance <= limit }.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
    .prefix(3).map(\.name)
}

/// The message for an unknown name, with the nearest known names, or all of them if none is near.
///
/// `kind` is what the name was expected to be: "loss", "recipe key".
public func unknownNameMessage(_ name: String, kind: String, known: some Sequence<String>) -> String {
  let all = Set(known).sorted()
  let near = nearestNames(to: name, in: all).map { "'\($0)'" }
  let shown = name.count > 60 ? name.prefix(60) + "…" : name[...]
  let start = "unknown \(kind) '\(shown)'"
  if !near.isEmpty { return "\(start); did you mean \(enumeration(near))?" }
  return all.isEmpty ? "\(start); there is none" : "\(start); there are: \(all.joined(separator: ", "))"
}

/// "a", "a or b", "a, b or c".
private func enumeration(_ names: [String]) -> String {
  guard let last = names.last, names.count > 1 else { return names.joined() }
  return names.dropLast().joined(separator: ", ") + " or " + last
}

/// The number of letters to replace, insert, delete or swap with a neighbor (Damerau–Levenshtein, each place edited
/// once).
private func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
  guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
  var beforePrevious = [Int](repeating: 0, count: b.count + 1)
  var previous = Array(0...b.count)
  for i in 1...a.count {
    var current = [i]
    for j in 1...b.count {
      let isSame = a[i - 1] == b[j - 1]
      var best = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (isSame ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, beforePrevious[j - 2] + 1) }
      current.append(best)
    }
    (beforePrevious, previous) = (previous, current)
  }
  return previous[b.count]
}
