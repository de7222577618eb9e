import LossKitSystem
import Synchronization

/// A request that a run stops after the current step or call.
public final class Interruption: Sendable {
  /// What is thrown where a run is asked to stop and returns no outcome.
  public struct Stop: Error {
    /// Where it stopped.
    public let message: String
  }

  /// 0, or the signal that asks; -1 where a call of `request` does.
  private let reason = Atomic<Int32>(0)

  /// An interruption that is not requested yet.
  public init() {}

  /// Whether the run is to stop.
  public var isRequested: Bool { reason.load(ordering: .relaxed) != 0 }

  /// Asks the run to stop. Safe from any thread.
  public func request() { reason.store(-1, ordering: .relaxed) }

  /// Throws `Stop` where the run is to stop.
  func check() throws {
    if isRequested { throw Stop(message: "stopped before the first step") }
  }

  /// The interruption that SIGINT (Ctrl-C) and SIGTERM ask for. A second signal of a kind ends the process at once.
  public static func onSignals() -> Interruption {
    // The object is made before a handler can run, so that the handler only stores to it.
    let interruption = bySignal
    var action = sigaction(handler: { bySignal.reason.store($0, ordering: .relaxed) })
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

  /// Ends the process by the signal that asked for the stop, as if nothing had handled it: a shell's loop ends too, and `$?` is
  /// 130 after Ctrl-C, 143 after SIGTERM. Returns where no signal asked.
  public static func endProcessBySignal() {
    let signal = bySignal.reason.load(ordering: .relaxed)
    guard signal > 0 else { return }
    // Its handler is gone: see `onSignals`.
    raise(signal)
  }
}

private let bySignal = Interruption()
