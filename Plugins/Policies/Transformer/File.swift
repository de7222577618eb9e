import LossKit
import LossKitSystem

/// An open file whose every operation is checked; errors name the file.
final class File {
  let path: String
  private var descriptor: Int32

  private init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Opens a regular file to read.
  static func reading(_ path: String) throws -> File {
    // Without waiting, so that a named pipe cannot hold the program up.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
    let file = File(path: path, descriptor: descriptor)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path, "cannot be read") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Failure("transformer: \(path) is not a regular file; name a directory that holds a checkpoint")
    }
    return file
  }

  /// Whether there is something at `path`.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The size in bytes.
  func size() throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, "cannot be read") }
    return Int(status.st_size)
  }

  /// `count` bytes from `offset` on; an end before that is an error.
  func read(_ count: Int, at offset: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { try read(into: $0, at: offset) }
    return bytes
  }

  /// Fills `bytes` from `offset` on; an end before that is an error.
  func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count {
      let count = pread(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.failure(path, "cannot be read")
      }
      guard count > 0 else { throw Failure("transformer: \(path) ends after \(offset + done) bytes; it was cut off") }
      done += count
    }
  }

  /// Writes a file that is on the disk when this returns.
  static func write(_ path: String, _ parts: [UnsafeRawBufferPointer]) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(path, "cannot be written") }
    let file = File(path: path, descriptor: descriptor)
    for part in parts { try file.write(part) }
    guard fsync(descriptor) == 0 else { throw failure(path, "cannot be written") }
    file.descriptor = -1
    guard close(descriptor) == 0 else { throw failure(path, "cannot be written") }
  }

  /// Makes the names of the files in a directory permanent.
  static func synchronize(directory path: String) throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(path, "cannot be written") }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      #if canImport(Glibc)
        let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
      #else
        let count = Darwin.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
      #endif
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.failure(path, "cannot be written")
      }
      done += count
    }
  }

  private static func failure(_ path: String, _ problem: String) -> Failure {
    let code = errno
    var text = [CChar](repeating: 0, count: 256)
    let reason = text.withUnsafeMutableBufferPointer { buffer -> String in
      guard let start = buffer.baseAddress, strerror_r(code, start, buffer.count) == 0 else { return "error \(code)" }
      return String(cString: start)
    }
    return Failure("transformer: \(path) \(problem): \(reason)")
  }
}
