import Foundation
import LossKitHead
import LossKitSystem
import Synchronization
import Testing

private let handled = Atomic<Int>(0), lowest = Atomic<UInt>(.max), highest = Atomic<UInt>(0)
private let isDone = Atomic<Bool>(false), hasEnded = Atomic<Bool>(false)

/// Kernels of oneDNN with long rows point the stack register into the heap, where a handler would write over other memory: a training
/// stopped by a signal crashed half of the time.
@Test func signalHandlersRunOnTheStackOfTheThreadThatMultiplies() throws {
  var action = sigaction(handler: { _ in
    var local: UInt8 = 0
    withUnsafePointer(to: &local) { pointer in
      handled.add(1, ordering: .relaxed)
      lowest.min(UInt(bitPattern: pointer), ordering: .relaxed)
      highest.max(UInt(bitPattern: pointer), ordering: .relaxed)
    }
  })
  sigemptyset(&action.sa_mask)
  var before = sigaction()
  sigaction(SIGUSR2, &action, &before)
  defer { sigaction(SIGUSR2, &before, nil) }
  // The threads of tests start with all signals blocked.
  var signals = sigset_t(), blocked = sigset_t()
  sigemptyset(&signals)
  sigaddset(&signals, SIGUSR2)
  pthread_sigmask(SIG_UNBLOCK, &signals, &blocked)
  defer { pthread_sigmask(SIG_SETMASK, &blocked, nil) }

  let rows = 48, inner = 20_000
  let left = try FloatBuffer(count: rows * inner), right = try FloatBuffer(count: inner * rows)
  let output = try FloatBuffer(count: rows * rows)
  let target = pthread_self()
  Thread.detachNewThread {
    while !isDone.load(ordering: .acquiring) {
      pthread_kill(target, SIGUSR2)
      usleep(50)
    }
    hasEnded.store(true, ordering: .releasing)
  }
  for _ in 0..<200 {
    try MatrixProducts.run(
      Factor(left.pointer, stride: inner), Factor(right.pointer, stride: rows),
      into: Matrix(output.pointer, stride: rows),
      rows: rows, columns: rows, inner: inner)
  }
  isDone.store(true, ordering: .releasing)
  while !hasEnded.load(ordering: .acquiring) { usleep(50) }

  #expect(handled.load(ordering: .relaxed) > 50)
  // Of a stack of megabytes, a handler's frame is within the last one.
  var local: UInt8 = 0
  let here = withUnsafePointer(to: &local) { UInt(bitPattern: $0) }
  #expect(lowest.load(ordering: .relaxed) > here - (1 << 20))
  #expect(highest.load(ordering: .relaxed) < here)
}
