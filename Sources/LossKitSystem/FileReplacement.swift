/// A file that is written piece by piece, and takes the place of the file at a path when it is whole. It has no name until then, where the
/// file system allows, so that a process that is killed leaves nothing. What is not a file, such as a pipe or a terminal, is written to at
/// once.
package final class FileReplacement {
  private let path: String
  private let file: FileDescriptor
  /// The name of the unfinished file, and where it belongs; nil if what is at the path is written to at once.
  private let places: (partial: String, final: String)?
  /// Whether the unfinished file has its name.
  private var isNamed = false

  /// Opens the file to be written. Throws if that is not possible.
  package init(_ path: String) throws {
    self.path = path
    let status = try? Stat(path)
    if let status, status.type != .regular {
      places = nil
      file = try Files.naming(path, "cannot be written") {
        try FileDescriptor.open(path, .writeOnly, options: .closeOnExec)
      }
      return
    }
    // What a link leads to is replaced, and not the link.
    var final = path
    if let resolved = realpath(path, nil) {
      final = String(cString: resolved)
      free(resolved)
    }
    let name = "\(Files.partialPrefix)\(Files.lastComponent(of: final))-\(getpid())"
    let partial = "\(Files.parentDirectory(of: final))/\(name)"
    places = (partial, final)
    // Whoever may not read the file that is there may not read the new one.
    let permissions = status?.permissions.intersection([
      .ownerReadWriteExecute, .groupReadWriteExecute, .otherReadWriteExecute,
    ])
    let mode = permissions ?? FilePermissions(rawValue: 0o666)
    if let nameless = Self.openNameless(in: Files.parentDirectory(of: final), mode) {
      file = nameless
      return
    }
    file = try Files.naming(path, "cannot be written") {
      unlink(partial)
      return try FileDescriptor.open(
        partial, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: mode)
    }
    isNamed = true
  }

  /// Opens a file without a name, which `finish` can name; nil if the system has none.
  private static func openNameless(in directory: String, _ permissions: FilePermissions) -> FileDescriptor? {
    #if os(Linux)
      // O_TMPFILE, whose macro Swift does not import.
      let descriptor = open(directory, O_WRONLY | O_CLOEXEC | O_DIRECTORY | 0o20000000, permissions.rawValue)
      guard descriptor >= 0 else { return nil }
      let file = FileDescriptor(rawValue: descriptor)
      if access(path(of: file), F_OK) == 0 { return file }
      try? file.close()
    #endif
    return nil
  }

  /// The path of an open file without a name.
  private static func path(of file: FileDescriptor) -> String { "/proc/self/fd/\(file.rawValue)" }

  deinit {
    try? file.close()
    if isNamed, let places { unlink(places.partial) }
  }

  /// Writes further bytes.
  package func write(_ bytes: [UInt8]) throws { try Files.write(bytes, to: file, name: path) }

  /// Puts the file in its place.
  package func finish() throws {
    guard let places else { return }
    try Files.naming(path, "cannot be written") { try file.synchronize() }
    if !isNamed {
      unlink(places.partial)
      guard linkat(AT_FDCWD, Self.path(of: file), AT_FDCWD, places.partial, AT_SYMLINK_FOLLOW) == 0 else {
        throw Files.failure(path, "cannot be written", .last)
      }
      isNamed = true
    }
    try Files.move(places.partial, to: places.final)
    isNamed = false
  }
}
