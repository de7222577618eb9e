import Logging
import Synchronization

/// The messages of a logger.
final class Messages: Sendable {
  private let texts = Mutex<[String]>([])
  var all: [String] { texts.withLock { $0 } }
  func clear() { texts.withLock { $0 = [] } }
  func add(_ text: String) { texts.withLock { $0.append(text) } }
  /// A logger that records them.
  var logger: Logger { Logger(label: "test") { [self] _ in MessageHandler(messages: self) } }
}

private struct MessageHandler: LogHandler {
  let messages: Messages
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  init(messages: Messages) { self.messages = messages }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { messages.add("\(event.message)") }
}
