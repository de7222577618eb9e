import CLossKit
import LossKit
import LossKitSystem
import Synchronization

/// The plugin call that a thread is executing, so that a program can report which plugin ended it.
package struct PluginCall {
  /// The file of the library.
  package let library: UnsafePointer<CChar>
  /// The function that was called.
  package let place: UnsafePointer<CChar>

  /// The key of the thread-specific pointer to its call; negative while calls are not tracked.
  private static let key = Atomic<Int>(-1)

  /// Starts tracking calls, until the process ends.
  package static func startTracking() {
    var new = pthread_key_t()
    guard key.load(ordering: .relaxed) < 0, pthread_key_create(&new, nil) == 0 else { return }
    key.store(Int(new), ordering: .releasing)
  }

  /// The call that this thread is executing. Safe to read in a signal handler; valid until the call returns.
  package static var current: UnsafePointer<PluginCall>? {
    let key = key.load(ordering: .acquiring)
    guard key >= 0 else { return nil }
    return pthread_getspecific(pthread_key_t(key)).map { UnsafePointer($0.assumingMemoryBound(to: PluginCall.self)) }
  }

  /// Calls a library's function.
  static func track<Value>(
    _ place: @autoclosure () -> String, of library: String, _ body: () throws -> Value
  ) rethrows -> Value {
    let key = key.load(ordering: .acquiring)
    guard key >= 0 else { return try body() }
    return try library.withCString { library in
      try place().withCString { place in
        try withUnsafePointer(to: PluginCall(library: library, place: place)) { call in
          let outer = pthread_getspecific(pthread_key_t(key))
          pthread_setspecific(pthread_key_t(key), call)
          defer { pthread_setspecific(pthread_key_t(key), outer) }
          return try body()
        }
      }
    }
  }
}

/// Calls into a file's plugin, and turns an error it reports into a `Failure` that begins with `place`.
///
/// `promptCount` is the G of the call; a larger prompt index in the error is dropped.
func callPlugin(
  _ place: @autoclosure () -> String, of library: String, promptCount: Int = 0,
  _ body: (UnsafeMutablePointer<losskit_error>) -> Int32
) throws {
  var error = losskit_error()
  error.prompt = -1
  let status = PluginCall.track(place(), of: library) { body(&error) }
  guard status == 0 else {
    throw Failure(error, place: place(), status: status, promptCount: promptCount)
  }
}

extension Failure {
  init(_ error: losskit_error, place: String, status: Int32?, promptCount: Int) {
    let text = error.text
    let reason = text.isEmpty ? status.map { "failed with status \($0) and gave no reason" } ?? "gave no reason" : text
    let isOfBatch = error.prompt >= 0 && error.prompt < Int64(promptCount)
    self.init("\(place): \(reason)", prompt: isOfBatch ? Int(error.prompt) : nil)
  }
}

extension losskit_error {
  /// The message, up to its terminator or the end of the buffer, without control characters.
  fileprivate var text: String {
    let bytes = withUnsafeBytes(of: message) { Array($0.prefix { $0 != 0 }) }
    let printable = bytes.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
    return String(decoding: printable, as: UTF8.self)
  }
}
