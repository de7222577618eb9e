import LossKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What tells one file from another, under whatever name.
struct FileIdentity: Hashable, Sendable {
  let device, inode: UInt64
}

/// A library file, held open after it was found fit to be trusted: a regular file of root or of the user, in a directory
/// of root or of the user, both of which nobody else can write.
///
/// What is checked is the open file, not its name. That the name still leads to it when the system opens the library is
/// for the owner of the directory to keep, who is trusted.
struct LibraryFile: ~Copyable {
  let path: String
  let identity: FileIdentity
  let size: UInt64
  private let descriptor: Int32

  /// Opens and checks the file at an absolute path.
  init(path: String) throws {
    let descriptor = path.withCString { open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
    guard descriptor >= 0 else { throw Self.openFailure(path, errno) }
    do {
      let status = try Self.status(of: descriptor, path: path)
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw Failure("\(path): not a regular file; a plugin is a file of its own")
      }
      try Self.checkOwnership(status, path: path)
      try Self.checkDirectory(of: path)
      self.path = path
      self.descriptor = descriptor
      identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
      size = UInt64(max(0, status.st_size))
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// Up to `count` bytes from `offset` on; fewer where the file ends, none where it cannot be read.
  func bytes(at offset: UInt64, count: Int) -> [UInt8] {
    guard let start = off_t(exactly: offset), count > 0, offset < size else { return [] }
    let available = Int(min(UInt64(count), size - offset))
    return [UInt8](unsafeUninitializedCapacity: available) { buffer, filled in
      while filled < available, let base = buffer.baseAddress {
        let read = pread(descriptor, base + filled, available - filled, start + off_t(filled))
        if read < 0, errno == EINTR { continue }
        guard read > 0 else { break }
        filled += read
      }
    }
  }

  private static func openFailure(_ path: String, _ code: Int32) -> Failure {
    switch code {
    case ENOENT, ENOTDIR: Failure("\(path): no such file")
    case ELOOP, EMLINK: Failure("\(path): a symbolic link; name the file it leads to")
    default: Failure("\(path): cannot be opened: \(String(cString: strerror(code)))")
    }
  }

  private static func status(of descriptor: Int32, path: String) throws -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw Failure("\(path): cannot be examined: \(String(cString: strerror(errno)))")
    }
    return status
  }

  private static func checkDirectory(of path: String) throws {
    let directory = directoryPart(of: path)
    let descriptor = directory.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw openFailure(directory, errno) }
    defer { close(descriptor) }
    try checkOwnership(status(of: descriptor, path: directory), path: directory)
  }

  /// The group may write only where it is the user's own or root's.
  private static func checkOwnership(_ status: stat, path: String) throws {
    guard status.st_uid == 0 || status.st_uid == geteuid() else {
      throw Failure("\(path): belongs to user \(status.st_uid), neither root nor you; plugins run with your rights")
    }
    guard status.st_mode & S_IWOTH == 0 else {
      throw Failure("\(path): everybody can write it; take that right away with chmod o-w")
    }
    guard status.st_mode & S_IWGRP == 0 || status.st_gid == 0 || status.st_gid == getegid() else {
      throw Failure(
        "\(path): group \(status.st_gid), which is not yours, can write it; take that right away with chmod g-w")
    }
  }
}

/// The directory of an absolute path.
private func directoryPart(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
  return String(path[..<slash])
}

/// A path as an absolute one, from the working directory on.
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
