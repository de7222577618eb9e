package import LossKit

/// File operations of runs, checkpoints and commands. Every failure names the path and the system's reason.
package enum Files {
  /// Whether a path exists.
  package static func exists(_ path: String) -> Bool {
    access(path, F_OK) == 0
  }

  /// Whether a path is a directory.
  package static func isDirectory(_ path: String) -> Bool {
    (try? Stat(path))?.type == .directory
  }

  /// Makes a directory and its missing parents.
  package static func makeDirectory(_ path: String) throws {
    do throws(Errno) {
      _ = try checked { mkdir(path, 0o777) }
    } catch {
      if isDirectory(path) { return }
      let parent = parentDirectory(of: path)
      guard error == .noSuchFileOrDirectory, parent != path else { throw failure(path, "cannot be made", error) }
      try makeDirectory(parent)
      guard mkdir(path, 0o777) == 0 || isDirectory(path) else { throw failure(path, "cannot be made", .last) }
    }
  }

  /// Makes an empty temporary directory.
  package static func makeTemporaryDirectory() throws -> String {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/losskit-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw failure(parent, "cannot be written to", .last) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The names in a directory, sorted.
  package static func names(in directory: String) throws -> [String] {
    try naming(directory, "cannot be read") {
      let file = try FileDescriptor.open(directory, .readOnly, options: [.directory, .closeOnExec])
      return try file.closeAfter { try file.names() }.filter { $0 != "." && $0 != ".." }.sorted()
    }
  }

  /// The content of a file.
  package static func read(_ path: String) throws -> [UInt8] {
    try reading(path) { try FileDescriptor.bytes(ofFile: path) }
  }

  /// The remaining content of an open file.
  package static func read(_ file: FileDescriptor, name: String) throws -> [UInt8] {
    try reading(name) { try file.bytesToEnd() }
  }

  /// Opens a file to read it.
  package static func open(_ path: String) throws -> FileDescriptor {
    try reading(path) { try FileDescriptor.open(path, .readOnly, options: .closeOnExec) }
  }

  /// The next bytes of an open file, at most `count`; empty at its end.
  package static func read(_ file: FileDescriptor, upTo count: Int, name: String) throws -> [UInt8] {
    try reading(name) { try file.bytes(upTo: count) }
  }

  /// Writes a file and waits until it is on disk.
  package static func write(_ bytes: [UInt8], to path: String) throws {
    try writing(path, [.create, .truncate]) { file in
      try file.writeAll(bytes)
      try file.synchronize()
    }
  }

  /// Writes a file, or to what is at the path, such as a pipe.
  package static func overwrite(_ path: String, with bytes: [UInt8]) throws {
    try writing(path, [.create, .truncate]) { try $0.writeAll(bytes) }
  }

  /// Writes a new file; throws if the path exists.
  package static func create(_ path: String, with bytes: [UInt8], isExecutable: Bool = false) throws {
    try writing(path, [.create, .exclusiveCreate], mode: isExecutable ? 0o777 : 0o666, "cannot be made") {
      try $0.writeAll(bytes)
    }
  }

  /// Writes all bytes to an open file.
  package static func write(_ bytes: [UInt8], to file: FileDescriptor, name: String) throws {
    try naming(name, "cannot be written") { _ = try file.writeAll(bytes) }
  }

  /// Replaces a file atomically.
  package static func replace(_ path: String, with bytes: [UInt8]) throws {
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

  /// Renames a file or directory, replacing what is at the new path.
  package static func move(_ path: String, to other: String) throws {
    try naming(other, "cannot be put in place") { _ = try checked { rename(path, other) } }
  }

  /// Removes a directory and its contents, renamed first so that an interrupted removal leaves only a directory marked unfinished. Leaves
  /// a directory that cannot be renamed.
  package static func removeAtOnce(_ path: String) {
    let doomed = "\(parentDirectory(of: path))/\(partialPrefix)removed-\(lastComponent(of: path))"
    remove(doomed)
    if rename(path, doomed) == 0 { remove(doomed) }
  }

  /// Removes a file, or a directory and its contents; ignores what cannot be removed.
  package static func remove(_ path: String) {
    guard (try? Stat(path, followTargetSymlink: false))?.type == .directory else {
      unlink(path)
      return
    }
    for name in (try? names(in: path)) ?? [] { remove("\(path)/\(name)") }
    rmdir(path)
  }

  /// Waits until a file, or a directory and its contents, is on disk.
  package static func synchronize(_ path: String, recursively: Bool = false) throws {
    if recursively, isDirectory(path) {
      for name in try names(in: path) { try synchronize("\(path)/\(name)", recursively: true) }
    }
    let file = try naming(path, "cannot be read") {
      try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    }
    try naming(path, "cannot be written") { try file.closeAfter { try file.synchronize() } }
  }

  /// The parent directory of a path.
  package static func parentDirectory(of path: String) -> String {
    guard let slash = trimmed(path).lastIndex(of: "/") else { return path == "." ? path : "." }
    let parent = trimmed(path)[..<slash]
    return parent.isEmpty ? "/" : String(parent)
  }

  /// The last component of a path.
  package static func lastComponent(of path: String) -> String {
    trimmed(path).split(separator: "/").last.map(String.init) ?? path
  }

  /// The prefix of the names of unfinished files and directories.
  package static let partialPrefix = ".partial-"

  private static func trimmed(_ path: String) -> Substring {
    var path = path[...]
    while path.count > 1, path.last == "/" { path = path.dropLast() }
    return path
  }

  // MARK: Failures

  /// A failure at a path, with the system's reason and the remedy.
  package static func failure(_ path: String, _ problem: String, _ reason: Errno) -> Failure {
    let remedy =
      switch reason {
      case .noSpace, Errno(rawValue: EDQUOT): "make room on the disk"
      case .fileTooLarge: "the limit on the size of files is too low"
      case .permissionDenied, .notPermitted, .readOnlyFileSystem:
        "choose a writable path, or fix its permissions"
      default: "check the path"
      }
    return Failure("\(path): \(problem): \(reason); \(remedy)")
  }

  /// Runs `body`; turns its system errors into failures at a path.
  package static func naming<Value>(_ path: String, _ problem: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as Errno {
      throw failure(path, problem, error)
    }
  }

  private static func reading<Value>(_ name: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as Errno {
      throw Failure("\(name): cannot be read: \(error); check the path and its permissions")
    }
  }

  private static func writing(
    _ path: String, _ options: FileDescriptor.OpenOptions, mode: mode_t = 0o666,
    _ problem: String = "cannot be written", _ body: (FileDescriptor) throws -> Void
  ) throws {
    try naming(path, problem) {
      let file = try FileDescriptor.open(
        path, .writeOnly, options: options.union(.closeOnExec), permissions: FilePermissions(rawValue: mode))
      try file.closeAfter { try body(file) }
    }
  }
}
