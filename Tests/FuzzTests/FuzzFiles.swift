import LossKit
import LossKitSystem

/// A temporary directory of this process with the files that targets read.
struct FuzzFiles: Sendable {
  static let shared = FuzzFiles()

  private let directory: String

  private init() {
    do {
      directory = try Files.makeTemporaryDirectory()
    } catch {
      preconditionFailure("\(error)")
    }
    atexit { Files.remove(FuzzFiles.shared.directory) }
  }

  /// The path of a file or directory.
  func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// Writes a file; returns its path.
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Self.write(bytes, to: path(name))
    return path(name)
  }

  /// Calls a closure while one of `files`, which the first byte of `bytes` selects, has the other bytes as its content.
  func replacing(_ bytes: [UInt8], in directory: String, _ files: [String], _ body: () throws -> Void) throws {
    guard let first = bytes.first else { return }
    let path = "\(directory)/\(files[Int(first) % files.count])"
    let sound = try Files.read(path)
    try Self.write(Array(bytes.dropFirst()), to: path)
    defer { try? Self.write(sound, to: path) }
    try body()
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    // A file that is truncated to nothing and written is brought to the disk when it is closed, which takes long.
    let file = try FileDescriptor.open(
      path, .writeOnly, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
    try file.closeAfter {
      _ = try file.writeAll(bytes)
      try file.resize(to: Int64(bytes.count))
    }
  }
}
