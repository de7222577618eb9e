/// A file that is written piece by piece, and takes the place of the file at a path when it is whole. What is not a file, such as a pipe or
/// a terminal, is written to at once.
package final class FileReplacement {
  private let path: String
  private let file: FileDescriptor
  /// Where the unfinished file lies, and where it belongs; nil if what is at the path is written to at once.
  private let places: (partial: String, final: String)?
  private var isFinished = false

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
    file = try Files.naming(path, "cannot be written") {
      unlink(partial)
      return try FileDescriptor.open(
        partial, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: permissions ?? FilePermissions(rawValue: 0o666))
    }
  }

  deinit {
    try? file.close()
    if !isFinished, let places { unlink(places.partial) }
  }

  /// Writes further bytes.
  package func write(_ bytes: [UInt8]) throws { try Files.write(bytes, to: file, name: path) }

  /// Puts the file in its place.
  package func finish() throws {
    guard let places else { return }
    try Files.naming(path, "cannot be written") { try file.synchronize() }
    try Files.move(places.partial, to: places.final)
    isFinished = true
  }
}
