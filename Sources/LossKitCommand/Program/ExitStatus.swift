import LossKit

/// The exit status of the process; the only place that maps failures to one.
enum ExitStatus: Int32 {
  /// Something failed while running.
  case failure = 1
  /// Wrong usage: an unknown option or hyperparameter, a value out of bounds, or an objective that does not parse. This and the next two
  /// numbers are from sysexits.h.
  case usage = 64
  /// The data cannot be used.
  case data = 65
  /// A plugin is unavailable: its name is unknown, or its library cannot be used.
  case unavailable = 69
  /// A run was stopped. The process ends by the signal that stopped it, which a shell shows as 130 (Ctrl-C) or 143 (SIGTERM).
  case stopped = 130
}

/// A failure with its exit status.
struct CommandFailure: Error {
  let status: ExitStatus
  let message: String
}

/// Runs a closure whose failures have `status`, unless they already have one.
func blaming<Result>(_ status: ExitStatus, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let failure as Failure {
    throw CommandFailure(status: status, message: failure.message)
  }
}
