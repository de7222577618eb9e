import LossKitSystem
import Synchronization

/// A request to stop a run after its current step or call.
public final class Interruption: Sendable {
  /// The error thrown when a run stops before it has an outcome to return.
  public struct Stop: Error {
    /// Where the run stopped.
    public let message: String
  }

  /// 0, the signal number, or -1 after a call of `request`.
  private let reason = Atomic<Int32>(0)

  /// Creates an interruption that is not requested.
  public init() {}

  /// Whether the run should stop.
  public var isRequested: Bool { reason.load(ordering: .relaxed) != 0 }

  /// Requests a stop. Safe to call from any thread.
  public func request() { reason.store(-1, ordering: .relaxed) }

  /// Throws `Stop` if a stop is requested.
  func check() throws {
    if isRequested { throw Stop(message: "stopped before the first step") }
  }

  /// Returns the interruption that SIGINT (Ctrl-C) and SIGTERM request. A second signal of the same kind ends the process at once.
  ///
  /// The handlers are installed by the first call: a later one leaves the default action of a signal that arrived in between.
  public static func onSignals() -> Interruption { handled }

  private static let handled: Interruption = {
    // Created before a handler can run, so that the handler only stores to it.
    let interruption = bySignal
    var action = sigaction(handler: { bySignal.reason.store($0, ordering: .relaxed) })
    // The first signal restores the default action; interrupted system calls are restarted.
    action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | Int32(SA_RESTART)
    sigemptyset(&action.sa_mask)
    sigaction(SIGINT, &action, nil)
    sigaction(SIGTERM, &action, nil)
    // A process inherits its parent's blocked signals.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    return interruption
  }()

  /// Ends the process with the signal that requested the stop, as if it had not been handled: an enclosing shell loop ends too, and `$?`
  /// is 130 after Ctrl-C, 143 after SIGTERM. Returns if there was no signal.
  public static func endProcessBySignal() {
    let signal = bySignal.reason.load(ordering: .relaxed)
    guard signal > 0 else { return }
    // The handler was reset; see `onSignals`.
    raise(signal)
  }
}

private let bySignal = Interruption()
