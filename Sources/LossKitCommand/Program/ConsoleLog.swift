import Logging

/// Shows log messages on standard error as the command line's notes; informational ones without their level.
struct ConsoleLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  /// Directs all logs of the process here. Call it once.
  static func install() {
    LoggingSystem.bootstrap { _ in ConsoleLog() }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let level = event.level <= .info ? "" : "\(event.level): "
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    let values = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    Console.note("\(level)\(event.message)\(values)")
  }
}
