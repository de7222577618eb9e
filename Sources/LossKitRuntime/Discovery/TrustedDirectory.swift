import LossKit
import LossKitSystem

/// A directory, held open after it was found fit to be trusted: nobody but root and the user can change what lies in it, nor
/// exchange it or a directory above it.
///
/// The path is walked from `/` down, each directory by the descriptor of the one above, and symbolic links are followed by hand:
/// their owners, and all directories that they lead through, have to be trusted as well. So nobody else can make the path lead
/// elsewhere afterwards, and the system may open by its name what was checked.
struct TrustedDirectory: ~Copyable {
  let path: String
  let descriptor: Int32

  /// Opens and checks the directory at an absolute path. `failure` words an error of the system's.
  init(path: String, orFail failure: @escaping (Int32) -> Failure) throws {
    var walk = try Walk(path, failure)
    try walk.finish()
    // What was reached may be searched; this one can be read as well.
    let opened = openat(walk.descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { throw failure(errno) }
    do {
      try Ownership.check(fileStatus(opened, failure), path: path)
    } catch {
      close(opened)
      throw error
    }
    self.path = path
    descriptor = opened
  }

  deinit { close(descriptor) }

  /// The status of a file in the directory, not of what a link leads to; nil where there is none.
  func status(of name: String) -> stat? {
    var status = stat()
    return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
  }
}

/// The names of all files in an open directory. `failure` words an error of the system's.
func fileNames(in directory: Int32, orFail failure: (Int32) -> Failure) throws -> [String] {
  // The stream closes its descriptor.
  let descriptor = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0, let stream = fdopendir(descriptor) else { throw failure(errno) }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    names.append(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
  }
  return names
}

/// The way down to a directory.
private struct Walk: ~Copyable {
  private(set) var descriptor: Int32
  private var place = ""
  private var pending: [String]
  private var links = 0
  private let failure: (Int32) -> Failure

  private static let mostLinks = 40
  #if canImport(Glibc)
    private static let searching = __O_PATH | O_CLOEXEC
  #else
    private static let searching = O_RDONLY | O_CLOEXEC
  #endif

  init(_ path: String, _ failure: @escaping (Int32) -> Failure) throws {
    self.failure = failure
    pending = Self.components(path)
    descriptor = open("/", Self.searching | O_DIRECTORY)
    guard descriptor >= 0 else { throw failure(errno) }
  }

  deinit { close(descriptor) }

  /// Goes all the way.
  mutating func finish() throws {
    try Ownership.checkAbove(fileStatus(descriptor, failure), path: "/")
    while let name = pending.popLast() { try enter(name) }
  }

  private mutating func enter(_ name: String) throws {
    let next = openat(descriptor, name, Self.searching | O_NOFOLLOW)
    guard next >= 0 else { throw failure(errno) }
    do {
      let status = try fileStatus(next, failure), path = "\(place)/\(name)"
      switch status.st_mode & S_IFMT {
      case S_IFLNK:
        try follow(next, name, status, path)
        close(next)
      case S_IFDIR:
        // The last one is checked when all is done, and more strictly.
        if !pending.isEmpty { try Ownership.checkAbove(status, path: path) }
        move(to: next, path)
      default: throw failure(ENOTDIR)
      }
    } catch {
      close(next)
      throw error
    }
  }

  private mutating func move(to next: Int32, _ path: String) {
    close(descriptor)
    descriptor = next
    place = path
  }

  private mutating func follow(_ link: Int32, _ name: String, _ status: stat, _ path: String) throws {
    guard Ownership.isTrustedAbove(status.st_uid) else {
      throw Failure(
        "\(path): a symbolic link of user \(status.st_uid), neither root nor you; name the directory it leads to")
    }
    links += 1
    guard links <= Self.mostLinks else { throw failure(ELOOP) }
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlinkat(descriptor, name, &text, text.count)
    guard count >= 0 else { throw failure(errno) }
    let target = String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    pending += Self.components(target)
    guard target.hasPrefix("/") else { return }
    let root = open("/", Self.searching | O_DIRECTORY)
    guard root >= 0 else { throw failure(errno) }
    move(to: root, "")
  }

  /// The components of a path, the last one first.
  private static func components(_ path: String) -> [String] {
    path.split(separator: "/").filter { $0 != "." }.reversed().map(String.init)
  }
}

private func fileStatus(_ descriptor: Int32, _ failure: (Int32) -> Failure) throws -> stat {
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw failure(errno) }
  return status
}
