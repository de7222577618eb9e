import LossKit
import LossKitSystem

/// A library file, held open after it was found trustworthy: a regular file of root or of the user that nobody else can
/// write, in a trustworthy directory.
struct LibraryFile: ~Copyable {
  let path: String
  let stamp: FileStamp
  private let descriptor: FileDescriptor

  var identity: FileIdentity { stamp.identity }
  var size: UInt64 { UInt64(max(0, stamp.size)) }

  /// Opens and checks the file at an absolute path.
  init(path: String) throws {
    let slash = path.lastIndex(of: "/") ?? path.startIndex
    let parent = slash == path.startIndex ? "/" : String(path[..<slash])
    let directory = try TrustedDirectory(path: parent) { Self.openFailure(path, $0) }
    try self.init(name: String(path[path.index(after: slash)...]), path: path, in: directory)
  }

  /// Opens and checks a file of a directory; `path` is its name in messages, and for the system's loader.
  init(name: String, path: String, in directory: borrowing TrustedDirectory) throws {
    let descriptor: FileDescriptor
    do throws(Errno) {
      descriptor = try directory.descriptor.open(
        name, .readOnly, options: [.noFollow, .nonBlocking, .closeOnExec])
    } catch {
      throw Self.openFailure(path, error)
    }
    do {
      let status = try Stat(descriptor)
      try Self.check(status, of: descriptor, path: path)
      self.path = path
      self.descriptor = descriptor
      stamp = FileStamp(status)
    } catch {
      try? descriptor.close()
      if let error = error as? Errno { throw Failure("\(path): cannot be examined: \(error)") }
      throw error
    }
  }

  /// Throws unless it is a regular file that nobody else can write.
  static func check(_ status: Stat, of file: FileDescriptor? = nil, path: String) throws {
    guard status.type != .symbolicLink else { throw openFailure(path, .tooManySymbolicLinkLevels) }
    guard status.type == .regular else {
      throw Failure("\(path): not a regular file; a plugin is a single file")
    }
    try Ownership.check(status, of: file, path: path)
  }

  /// Has the system open the library. It stays open until the process ends.
  ///
  /// The system opens it by name: under the name of a descriptor, `/proc/self/fd/N`, it would look for `$ORIGIN` in the
  /// wrong directory, and neither debuggers nor the library itself could find the file. A name is as good here, since
  /// of all directories that it leads through, nobody but those trusted anyway can change one. What they change
  /// meanwhile, the file's content or what the name refers to, changes the stamp, and that is an error.
  func openLibrary() throws -> UnsafeMutableRawPointer {
    let handle = PluginCall.track("opening it", of: path) { dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
    guard let handle else {
      throw Failure("\(path): cannot be opened: \(dlerror().map { String(cString: $0) } ?? "no reason given")")
    }
    guard FileStamp(path: path) == stamp else {
      throw Failure("\(path): it was changed or replaced while it was opened; start the program again")
    }
    return handle
  }

  deinit { try? descriptor.close() }

  /// Up to `count` bytes from `offset`; fewer at the end of the file, none if it cannot be read.
  func bytes(at offset: UInt64, count: Int) -> [UInt8] {
    guard let start = Int(exactly: offset), count > 0, offset < size else { return [] }
    let available = Int(min(UInt64(count), size - offset))
    return [UInt8](unsafeUninitializedCapacity: available) { buffer, filled in
      filled = (try? descriptor.read(filling: UnsafeMutableRawBufferPointer(buffer), from: start)) ?? 0
    }
  }

  /// Exactly `count` 64-bit words from `offset`, of this machine's byte order; nil if the file ends before.
  func words(at offset: UInt64, count: Int) -> [UInt64]? {
    guard count <= size / 8 else { return nil }
    let bytes = bytes(at: offset, count: count * 8)
    guard bytes.count == count * 8 else { return nil }
    return [UInt64](unsafeUninitializedCapacity: count) { buffer, filled in
      UnsafeMutableRawBufferPointer(buffer).copyBytes(from: bytes)
      filled = count
    }
  }

  private static func openFailure(_ path: String, _ error: Errno) -> Failure {
    switch error {
    case .noSuchFileOrDirectory, .notDirectory: Failure("\(path): no such file")
    case .tooManySymbolicLinkLevels, .tooManyLinks: Failure("\(path): a symbolic link; name the file it leads to")
    default: Failure("\(path): cannot be opened: \(error)")
    }
  }
}

/// Returns a path as an absolute one, relative to the working directory.
func absolutePath(_ path: String) throws -> String {
  guard !path.isEmpty else { throw Failure("library: the path is empty; name a file") }
  guard !path.utf8.contains(0) else { throw Failure("library: the path holds a zero byte; name a file") }
  guard !path.contains("$") else {
    throw Failure("\(path): the system's loader reads a '$' in a path as a variable; move the library elsewhere")
  }
  if path.hasPrefix("/") { return path }
  guard let working = getcwd(nil, 0) else {
    throw Failure("\(path): the working directory is gone; write the path from '/' on")
  }
  defer { free(working) }
  return String(cString: working) + "/" + path
}
