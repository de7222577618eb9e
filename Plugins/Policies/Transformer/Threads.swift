import CDNNL
import LossKitHead
import LossKitSystem

/// Threads that share the work of a batch. Each multiplies its matrices with a share of OpenMP's threads, so that together they use no
/// more than `OMP_NUM_THREADS`.
enum Threads {
  /// The number of threads to use: `OMP_NUM_THREADS`, or by default the number of processors.
  static var available: Int { max(1, Int(omp_get_max_threads())) }

  /// Calls `body` with 0..<count, each on its own thread, the first on the calling thread, and waits for all. If no more threads can be
  /// created, the calling thread does the rest. Rethrows the error of the lowest number that failed.
  static func run(_ count: Int, _ body: (Int) throws -> Void) rethrows {
    guard count > 1 else {
      if count == 1 { try body(0) }
      return
    }
    let share = max(1, available / count)
    try withoutActuallyEscaping(body) { body in
      let jobs = (0..<count).map { index in
        Job { try MatrixProducts.withThreads(share) { try body(index) } }
      }
      run(jobs)
      try jobs.compactMap(\.failure).first.map { throw $0 }
    }
  }

  /// Calls `body` with ranges that partition 0..<count, each on its own thread if ranges have at least `fewest` elements.
  static func forEachRange(of count: Int, fewest: Int = 1 << 16, _ body: (Range<Int>) throws -> Void) rethrows {
    let parts = max(1, min(available, count / fewest))
    try run(parts) { try body(count * $0 / parts..<count * ($0 + 1) / parts) }
  }

  /// A thread's work and its error, which other threads read only after it has ended.
  private final class Job {
    private let work: () throws -> Void
    private(set) var failure: (any Error)?

    init(_ work: @escaping () throws -> Void) { self.work = work }

    func run() { do { try work() } catch { failure = error } }
  }

  private static func run(_ jobs: [Job]) {
    var threads: [pthread_t] = [], rest = jobs[...]
    let own = rest.popFirst()
    while let job = rest.first {
      var thread = pthread_t()
      let context = Unmanaged.passRetained(job)
      let status = pthread_create(
        &thread, nil,
        { context in
          if let context { Unmanaged<Job>.fromOpaque(context).takeRetainedValue().run() }
          return nil
        }, context.toOpaque())
      guard status == 0 else {
        context.release()
        break
      }
      threads.append(thread)
      rest.removeFirst()
    }
    own?.run()
    for job in rest { job.run() }
    for thread in threads { pthread_join(thread, nil) }
  }
}
