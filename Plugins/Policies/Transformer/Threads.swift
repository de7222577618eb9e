import CDNNL
import LossKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Threads that share the work of a batch. Each multiplies its matrices with a share of OpenMP's threads, so that together
/// they use as many as `OMP_NUM_THREADS` allows.
enum Threads {
  /// How many threads there are to use: `OMP_NUM_THREADS`, or else the processors.
  static var available: Int { max(1, Int(omp_get_max_threads())) }

  /// Calls `body` with 0..<count, each on a thread of its own, and waits for all. Throws what the first of them threw.
  static func run(_ count: Int, _ body: (Int) throws -> Void) throws {
    guard count > 1 else {
      if count == 1 { try body(0) }
      return
    }
    let share = Int32(max(1, available / count))
    try withoutActuallyEscaping(body) { body in
      let jobs = (0..<count).map { index in
        Job {
          omp_set_num_threads(share)
          try body(index)
        }
      }
      try start(jobs)
      if let failure = jobs.compactMap(\.failure).first { throw failure }
    }
  }

  /// Calls `body` with ranges that make up 0..<count, each on a thread of its own where they have at least `fewest` elements.
  static func forEachRange(of count: Int, fewest: Int = 1 << 16, _ body: (Range<Int>) throws -> Void) throws {
    let parts = max(1, min(available, count / fewest))
    try run(parts) { try body(count * $0 / parts..<count * ($0 + 1) / parts) }
  }

  /// A thread's work, and what it threw; read by others only after the thread has ended.
  private final class Job {
    private let work: () throws -> Void
    private(set) var failure: (any Error)?

    init(_ work: @escaping () throws -> Void) { self.work = work }

    func run() { do { try work() } catch { failure = error } }
  }

  private static func start(_ jobs: [Job]) throws {
    var threads: [pthread_t] = []
    defer { for thread in threads { pthread_join(thread, nil) } }
    for job in jobs {
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
        throw Failure("transformer: no thread could be started; set OMP_NUM_THREADS=1 or free some processes")
      }
      threads.append(thread)
    }
  }
}
