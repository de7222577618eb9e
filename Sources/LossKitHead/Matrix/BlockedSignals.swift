import LossKitSystem

/// Keeps signal handlers off the threads of matrix products.
///
/// Kernels of oneDNN point the stack register into their own memory on the heap. A handler that runs there writes over other allocations.
enum BlockedSignals {
  /// What is never blocked: signals that the running instruction itself causes.
  private static let synchronous = [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS]

  private static let blocked = {
    var signals = sigset_t()
    sigfillset(&signals)
    for signal in synchronous { sigdelset(&signals, signal) }
    return signals
  }()

  /// Calls `body` with signals blocked in this thread; threads created meanwhile inherit that for life. A signal that arrives in
  /// between is handled afterwards.
  static func during<Result>(_ body: () throws -> Result) rethrows -> Result {
    var blocked = blocked, before = sigset_t()
    pthread_sigmask(SIG_BLOCK, &blocked, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    return try body()
  }
}
