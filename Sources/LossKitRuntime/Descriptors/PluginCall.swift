import CLossKit
import LossKit

/// Calls into a plugin and turns what it reports into a `Failure` that begins with `place`.
///
/// `promptCount` is the G of the call; an index of a prompt beyond it is dropped.
func callPlugin(
  _ place: @autoclosure () -> String, promptCount: Int = 0,
  _ body: (UnsafeMutablePointer<losskit_error>) -> Int32
) throws {
  var error = losskit_error()
  error.prompt = -1
  let status = body(&error)
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
  /// The message, up to its end or that of the buffer, without control characters.
  fileprivate var text: String {
    let bytes = withUnsafeBytes(of: message) { Array($0.prefix { $0 != 0 }) }
    let printable = bytes.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
    return String(decoding: printable, as: UTF8.self)
  }
}
