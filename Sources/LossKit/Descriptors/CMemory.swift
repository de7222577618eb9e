import CLossKit

/// A value with the lifetime of the process.
func permanent<Value>(_ value: Value) -> UnsafePointer<Value> {
  let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
  pointer.initialize(to: value)
  return UnsafePointer(pointer)
}

extension Failure {
  /// Writes the failure to a caller's error, truncated at a character boundary.
  func write(to error: UnsafeMutablePointer<losskit_error>?) {
    guard let error else { return }
    error.pointee.prompt = Int64(prompt ?? -1)
    withUnsafeMutableBytes(of: &error.pointee.message) { writeTerminated(message, to: $0) }
  }
}

/// Writes a zero-terminated text to a caller's buffer, truncated at a character boundary.
package func writeTerminated(_ text: String, to buffer: UnsafeMutableRawBufferPointer) {
  guard !buffer.isEmpty else { return }
  var length = 0
  for character in text {
    let bytes = character.utf8
    if length + bytes.count >= buffer.count { break }
    for byte in bytes {
      buffer[length] = byte
      length += 1
    }
  }
  buffer[length] = 0
}

/// Runs a body for a C caller. Returns 0, or 1 after writing the message.
func status(_ error: UnsafeMutablePointer<losskit_error>?, _ body: () throws -> Void) -> Int32 {
  do {
    try body()
    return 0
  } catch let failure as Failure {
    failure.write(to: error)
  } catch let other {
    Failure("\(other)").write(to: error)
  }
  return 1
}

/// A pointer to a descriptor that never changes after it is made.
struct PermanentPointer: @unchecked Sendable {
  // Sendable because the memory it points to is constant for the life of the process.
  let pointer: UnsafeRawPointer
}
