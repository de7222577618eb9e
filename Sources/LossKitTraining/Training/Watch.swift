/// What looks after a long phase of a run: it shows how far the phase is, and hears between its calls that the run is to stop.
struct Watch {
  var progress: Progress?
  var interruption: Interruption?

  /// Calls `body` with each of the batches, which have `count` prompts each. Throws `Interruption.Stop` before the next one where
  /// the run is to stop. `phase` says what is done with them.
  func forEach<Batch>(
    _ batches: [Batch], count: (Batch) -> Int, phase: String, _ body: (Batch) throws -> Void
  ) throws {
    defer { progress?.clear() }
    let total = batches.reduce(0) { $0 + count($1) }
    var done = 0
    for batch in batches {
      try interruption?.check()
      progress?.update(phase, done: done, of: total)
      try body(batch)
      done += count(batch)
    }
  }
}
