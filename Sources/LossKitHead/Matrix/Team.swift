import CDNNL

/// oneDNN's threads, used for the work between the products: they are already awake and have what they wrote in their caches. In a thread
/// that may not use others, that thread does all the work.
package enum Team {
  /// The maximum number of threads `run` uses, including the calling one.
  package static var size: Int { max(1, Int(omp_get_max_threads())) }

  /// The work and its division among the threads.
  private struct Work {
    let count: Int
    let body: (Int, Range<Int>) -> Void
    var members = 1
  }

  /// Calls `body` with ranges that partition 0..<count, each on its own thread, numbered from 0. Uses fewer threads if a range would have
  /// fewer than `fewest` elements. Returns the number of threads.
  @discardableResult
  package static func run(_ count: Int, fewest: Int, _ body: (_ member: Int, _ range: Range<Int>) -> Void) -> Int {
    let members = min(size, count / max(1, fewest))
    guard members > 1 else {
      body(0, 0..<count)
      return 1
    }
    return withoutActuallyEscaping(body) { body in
      var work = Work(count: count, body: body)
      return withUnsafeMutablePointer(to: &work) { work in
        BlockedSignals.during {
          GOMP_parallel(
            { context in
              guard let work = context?.assumingMemoryBound(to: Work.self) else { return }
              // OpenMP may provide fewer threads than requested.
              let member = Int(omp_get_thread_num()), members = Int(omp_get_num_threads()), count = work.pointee.count
              if member == 0 { work.pointee.members = members }
              work.pointee.body(member, count * member / members..<count * (member + 1) / members)
            }, work, UInt32(members), 0)
        }
        return work.pointee.members
      }
    }
  }

  /// As above; rethrows the error of the lowest-numbered thread that failed.
  package static func run(
    _ count: Int, fewest: Int, throwing body: (_ member: Int, _ range: Range<Int>) throws -> Void
  ) throws {
    var failures = [(any Error)?](repeating: nil, count: size)
    failures.withUnsafeMutableBufferPointer { failures in
      _ = run(count, fewest: fewest) { member, range in
        do { try body(member, range) } catch { failures[member] = error }
      }
    }
    if let failure = failures.lazy.compactMap(\.self).first { throw failure }
  }
}
