import LossKit

/// What the process's exit status says of how a command ended; the only place where failures are given one.
enum ExitStatus: Int32 {
  /// Something failed while running.
  case failure = 1
  /// The command was used in a wrong way: an unknown option or hyperparameter, a value out of bounds, an objective that does not
  /// parse. The number is EX_USAGE of sysexits.h, as the others are.
  case usage = 64
  /// The data cannot be used.
  case data = 65
  /// A plugin cannot be had: nobody has the name, or its library cannot be used.
  case unavailable = 69
  /// A run was stopped. The process ends by the signal that asked for it, which a shell shows as 130 (Ctrl-C) or 143 (SIGTERM).
  case stopped = 130
}

/// A failure and the exit status it leads to.
struct CommandFailure: Error {
  let status: ExitStatus
  let message: String
}

/// Does something whose failure means `status`; a failure that has one already keeps it.
func blaming<Result>(_ status: ExitStatus, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let failure as Failure {
    throw CommandFailure(status: status, message: failure.message)
  }
}
