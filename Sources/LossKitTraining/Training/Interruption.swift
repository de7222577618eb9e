import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The wish that a run stops after the step it is at.
public final class Interruption: Sendable {
  private let flag = Atomic<Bool>(false)

  /// Nothing is wished yet.
  public init() {}

  /// Whether the run is to stop.
  public var isRequested: Bool { flag.load(ordering: .relaxed) }

  /// Asks the run to stop. Safe from any thread and from a signal handler.
  public func request() { flag.store(true, ordering: .relaxed) }

  /// The interruption that SIGINT (Ctrl-C) and SIGTERM ask for. A second signal of a kind ends the process at once.
  public static func onSignals() -> Interruption {
    // The object is made before a handler can run, so that the handler only stores to it.
    let interruption = bySignal
    var action = sigaction()
    #if canImport(Glibc)
      action.__sigaction_handler.sa_handler = { _ in bySignal.request() }
    #else
      action.__sigaction_u.__sa_handler = { _ in bySignal.request() }
    #endif
    // The first signal puts the default action back; calls that it interrupts go on.
    action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | Int32(SA_RESTART)
    sigemptyset(&action.sa_mask)
    sigaction(SIGINT, &action, nil)
    sigaction(SIGTERM, &action, nil)
    // A process inherits what its parent's thread has blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    return interruption
  }
}

private let bySignal = Interruption()
