import CDNNL

/// The threads that oneDNN multiplies with, for what is done between the products: they are awake already, and have in their
/// caches what they wrote. Within a thread that may use no others, all is done by that one.
package enum Team {
  /// How many threads there may be, the calling one included: an upper bound of what `run` uses.
  package static var size: Int { max(1, Int(omp_get_max_threads())) }

  /// Pieces of work, and who does which.
  private struct Work {
    let count: Int
    let body: (Int, Range<Int>) -> Void
    var members = 1
  }

  /// Calls `body` with ranges that make up 0..<count, each in a thread of its own, numbered from 0, where each of them has at
  /// least `fewest`. Returns how many threads there were.
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
        GOMP_parallel(
          { context in
            guard let work = context?.assumingMemoryBound(to: Work.self) else { return }
            // There may be fewer than were asked for.
            let member = Int(omp_get_thread_num()), members = Int(omp_get_num_threads()), count = work.pointee.count
            if member == 0 { work.pointee.members = members }
            work.pointee.body(member, count * member / members..<count * (member + 1) / members)
          }, work, UInt32(members), 0)
        return work.pointee.members
      }
    }
  }

  /// As above; throws what the first of the threads threw.
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
