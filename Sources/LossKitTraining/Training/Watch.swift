/// Watches a long phase of a run: shows its progress, and checks between calls whether the run should stop.
struct Watch {
  var progress: Progress?
  var interruption: Interruption?

  /// Calls `body` with each batch; a batch has `count` prompts, and `phase` describes the work. Throws `Interruption.Stop` before the
  /// next batch if a stop is requested.
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
