import FoundationEssentials
package import LossKit
import LossKitRuntime
import LossKitSystem

/// What runs, checkpoints and commands do with files; every failure names the path and the system's reason.
package enum Files {
  /// Whether something lies at a path.
  package static func exists(_ path: String) -> Bool {
    access(path, F_OK) == 0
  }

  /// Makes a directory, and those above it.
  package static func makeDirectory(_ path: String) throws {
    if mkdir(path, 0o777) == 0 { return }
    switch errno {
    case EEXIST where isDirectory(path): return
    case ENOENT:
      let parent = parentDirectory(of: path)
      guard parent != path else { throw failure(path, "cannot be made") }
      try makeDirectory(parent)
      guard mkdir(path, 0o777) == 0 || isDirectory(path) else { throw failure(path, "cannot be made") }
    default: throw failure(path, "cannot be made")
    }
  }

  /// Whether a directory lies at a path.
  package static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The names in a directory, sorted.
  package static func names(in directory: String) throws -> [String] {
    guard let stream = opendir(directory) else { throw failure(directory, "cannot be read") }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The content of a file.
  package static func read(_ path: String) throws -> [UInt8] {
    try bytes(ofFile: path)
  }

  /// The size of a file's content in bytes, and its SHA-256 sum in hexadecimal digits.
  static func measure(_ path: String) throws -> (size: Int, digest: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, "cannot be read") }
    defer { close(descriptor) }
    var digest = SHA256Digest()
    var size = 0
    while true {
      var result = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
        repeat { result = systemRead(descriptor, buffer) } while result < 0 && errno == EINTR
        count = max(0, result)
      }
      guard result >= 0 else { throw failure(path, "cannot be read") }
      if chunk.isEmpty { return (size, digest.hexadecimal()) }
      digest.update(chunk)
      size += chunk.count
    }
  }

  private static func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
    #if canImport(Glibc)
      Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    #else
      Darwin.read(descriptor, buffer.baseAddress, buffer.count)
    #endif
  }

  /// Writes a file, and waits until it is on the disk.
  static func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(path, "cannot be written") }
    defer { close(descriptor) }
    try write(bytes, to: descriptor, name: path)
    guard fsync(descriptor) == 0 else { throw failure(path, "cannot be written") }
  }

  /// Writes a file where none lies yet.
  package static func create(_ path: String, with bytes: [UInt8], isExecutable: Bool = false) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, isExecutable ? 0o777 : 0o666)
    guard descriptor >= 0 else { throw failure(path, "cannot be made") }
    defer { close(descriptor) }
    try write(bytes, to: descriptor, name: path)
  }

  /// Writes all bytes to an open file.
  package static func write(_ bytes: [UInt8], to descriptor: Int32, name: String) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      #if canImport(Glibc)
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      #else
        let count = rest.withUnsafeBytes { Darwin.write(descriptor, $0.baseAddress, $0.count) }
      #endif
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw failure(name, "cannot be written")
      }
    }
  }

  /// Writes a file so that it appears at once, or not at all.
  static func replace(_ path: String, with bytes: [UInt8]) throws {
    let parent = parentDirectory(of: path)
    let partial = "\(parent)/\(partialPrefix)\(lastComponent(of: path))"
    do {
      try write(bytes, to: partial)
      try move(partial, to: path)
    } catch {
      remove(partial)
      throw error
    }
    try synchronize(parent)
  }

  /// Gives what lies at a path another name, in place of what may lie there.
  static func move(_ path: String, to other: String) throws {
    guard rename(path, other) == 0 else { throw failure(other, "cannot be put in place") }
  }

  /// Removes a directory with all in it so that it is gone at once: what is left where that is stopped has the name of something
  /// unfinished.
  static func removeAtOnce(_ path: String) {
    let doomed = "\(parentDirectory(of: path))/\(partialPrefix)removed-\(lastComponent(of: path))"
    remove(doomed)
    remove(rename(path, doomed) == 0 ? doomed : path)
  }

  /// Removes a file, or a directory with all in it; what cannot be removed stays.
  static func remove(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Waits until a file, or a directory with all in it, is on the disk.
  static func synchronize(_ path: String, recursively: Bool = false) throws {
    if recursively, isDirectory(path) {
      for name in try names(in: path) { try synchronize("\(path)/\(name)", recursively: true) }
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path, "cannot be read") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(path, "cannot be written") }
  }

  /// The directory in which a path's last component lies.
  static func parentDirectory(of path: String) -> String {
    guard let slash = trimmed(path).lastIndex(of: "/") else { return path == "." ? path : "." }
    let parent = trimmed(path)[..<slash]
    return parent.isEmpty ? "/" : String(parent)
  }

  /// The last component of a path.
  static func lastComponent(of path: String) -> String {
    trimmed(path).split(separator: "/").last.map(String.init) ?? path
  }

  /// How the names of unfinished files and directories begin.
  static let partialPrefix = ".partial-"

  /// A failure about a path, with the system's reason for the last call that went wrong.
  package static func failure(_ path: String, _ problem: String) -> Failure {
    let remedy =
      switch errno {
      case ENOSPC, EDQUOT: "make room on the disk"
      case EFBIG: "the limit on the size of files is too low"
      case EACCES, EPERM, EROFS: "choose a place that you may write to, or mend its permissions"
      default: "check the path"
      }
    return Failure("\(path): \(problem): \(String(cString: strerror(errno))); \(remedy)")
  }

  private static func trimmed(_ path: String) -> Substring {
    var path = path[...]
    while path.count > 1, path.last == "/" { path = path.dropLast() }
    return path
  }
}
