import LossKit
import LossKitSystem

/// An open file with checked operations; errors name the file.
final class File {
  let path: String
  private let descriptor: FileDescriptor

  private init(path: String, descriptor: FileDescriptor) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { try? descriptor.close() }

  /// Opens a regular file for reading.
  static func reading(_ path: String) throws -> File {
    // Non-blocking, so that a named pipe cannot stall the program.
    let descriptor = try naming(path, "cannot be opened") {
      try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
    }
    let file = File(path: path, descriptor: descriptor)
    guard try naming(path, "cannot be read", { try Stat(descriptor) }).type == .regular else {
      throw Failure("transformer: \(path) is not a regular file; name a directory that holds a checkpoint")
    }
    return file
  }

  /// Whether `path` exists.
  static func exists(_ path: String) -> Bool { Files.exists(path) }

  /// The size in bytes.
  func size() throws -> Int { Int(try Self.naming(path, "cannot be read") { try Stat(descriptor) }.size) }

  /// Reads `count` bytes from `offset`; throws if the file ends before.
  func read(_ count: Int, at offset: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { try read(into: $0, at: offset) }
    return bytes
  }

  /// Fills `bytes` from `offset`; throws if the file ends before.
  func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    let count = try Self.naming(path, "cannot be read") { try descriptor.read(filling: bytes, from: offset) }
    guard count == bytes.count else {
      throw Failure("transformer: \(path) ends after \(offset + count) bytes; it was cut off")
    }
  }

  /// Writes a file and waits until it is on disk.
  static func write(_ path: String, _ parts: [UnsafeRawBufferPointer]) throws {
    try naming(path, "cannot be written") {
      let descriptor = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: FilePermissions(rawValue: 0o644))
      try descriptor.closeAfter {
        for part in parts { try descriptor.writeAll(part) }
        try descriptor.synchronize()
      }
    }
  }

  /// Waits until the names of the files in a directory are on disk.
  static func synchronize(directory path: String) throws {
    let descriptor = try naming(path, "cannot be opened") {
      try FileDescriptor.open(path, .readOnly, options: [.directory, .closeOnExec])
    }
    try naming(path, "cannot be written") { try descriptor.closeAfter { try descriptor.synchronize() } }
  }

  private static func naming<Value>(_ path: String, _ problem: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as Errno {
      throw Failure("transformer: \(path) \(problem): \(error)")
    }
  }
}
