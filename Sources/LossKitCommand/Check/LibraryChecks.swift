import Dispatch
import LossKit
import LossKitConformance
import LossKitSystem
import Synchronization

/// Checks of several libraries, some of them concurrently.
struct LibraryChecks {
  private let checks: [LibraryCheck]

  init(_ checks: [LibraryCheck]) { self.checks = checks }

  /// Runs all checks. Passes on each library's report as soon as it is complete, in the order of the libraries.
  func run(_ receive: (LibraryReport) throws -> Void) throws {
    let finished = Finished(count: checks.count)
    // A check waits for its processes, and sometimes for the clock, so more checks than processors keep the processors busy.
    let slots = DispatchSemaphore(value: Machine.processorCount + 2)
    let queue = DispatchQueue(label: "check", attributes: .concurrent)
    queue.async { [checks] in
      for (index, check) in checks.enumerated() {
        slots.wait()
        queue.async {
          let result = Result { try check.run() }
          finished.set(result, at: index)
          slots.signal()
        }
      }
    }
    for index in checks.indices { try receive(finished.wait(for: index).get()) }
  }

  /// Results that arrive in any order.
  private final class Finished: Sendable {
    private let results: Mutex<[Result<LibraryReport, any Error>?]>
    private let arrivals: [DispatchSemaphore]

    init(count: Int) {
      results = Mutex(Array(repeating: nil, count: count))
      arrivals = (0..<count).map { _ in DispatchSemaphore(value: 0) }
    }

    func set(_ result: Result<LibraryReport, any Error>, at index: Int) {
      results.withLock { $0[index] = result }
      arrivals[index].signal()
    }

    func wait(for index: Int) -> Result<LibraryReport, any Error> {
      arrivals[index].wait()
      return results.withLock { $0[index] } ?? .failure(Failure("a check did not end"))
    }
  }
}

/// The machine that the command runs on.
private enum Machine {
  static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
