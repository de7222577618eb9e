import LossKit
import LossKitSystem

/// A directory, held open after it was found trustworthy: only root and the user can change its contents, or replace it
/// or a directory above it.
///
/// The path is walked down from `/`, each directory by the descriptor of the one above, and symbolic links are followed
/// explicitly: their owners, and all directories they lead through, must be trustworthy as well. So nobody else can
/// redirect the path afterwards, and the system may open what was checked by its name.
struct TrustedDirectory: ~Copyable {
  let path: String
  let descriptor: FileDescriptor

  /// Opens and checks the directory at an absolute path. `failure` describes a system error.
  init(path: String, orFail failure: @escaping (Errno) -> Failure) throws {
    var walk = try Walk(path, failure)
    try walk.finish()
    // The walk only needs search permission; this descriptor can also be read.
    let opened = try wording(failure) { () throws(Errno) in
      try walk.descriptor.open(".", .readOnly, options: [.directory, .closeOnExec])
    }
    do {
      try Ownership.check(wording(failure) { () throws(Errno) in try Stat(opened) }, of: opened, path: path)
    } catch {
      try? opened.close()
      throw error
    }
    self.path = path
    descriptor = opened
  }

  deinit { try? descriptor.close() }

  /// The status of a file in the directory, without following a link; nil if it does not exist.
  func status(of name: String) -> Stat? {
    try? Stat(name, relativeTo: descriptor, flags: .symlinkNoFollow)
  }
}

/// The walk down to a directory.
private struct Walk: ~Copyable {
  private(set) var descriptor: FileDescriptor
  private var place = ""
  private var pending: [String]
  private var links = 0
  private let failure: (Errno) -> Failure

  private static let mostLinks = 40
  #if os(Linux)
    private static let searching: FileDescriptor.OpenOptions = [.init(rawValue: __O_PATH), .closeOnExec]
  #else
    private static let searching: FileDescriptor.OpenOptions = .closeOnExec
  #endif

  init(_ path: String, _ failure: @escaping (Errno) -> Failure) throws {
    self.failure = failure
    pending = Self.components(path)
    descriptor = try Self.root(failure)
  }

  deinit { try? descriptor.close() }

  /// Walks the whole path.
  mutating func finish() throws {
    try Ownership.checkAbove(status(of: descriptor), of: descriptor, path: "/")
    while let name = pending.popLast() { try enter(name) }
  }

  private mutating func enter(_ name: String) throws {
    let next = try wording(failure) { [descriptor] () throws(Errno) in
      try descriptor.open(name, .readOnly, options: Self.searching.union(.noFollow))
    }
    do {
      let status = try status(of: next), path = "\(place)/\(name)"
      switch status.type {
      case .symbolicLink:
        try follow(name, status, path)
        try? next.close()
      case .directory:
        // The last directory is checked at the end, more strictly.
        if !pending.isEmpty { try Ownership.checkAbove(status, of: next, path: path) }
        move(to: next, path)
      default: throw failure(.notDirectory)
      }
    } catch {
      try? next.close()
      throw error
    }
  }

  private mutating func move(to next: FileDescriptor, _ path: String) {
    try? descriptor.close()
    descriptor = next
    place = path
  }

  private mutating func follow(_ name: String, _ status: Stat, _ path: String) throws {
    guard Ownership.isTrustedAbove(status.userID) else {
      throw Failure(
        "\(path): a symbolic link of user \(status.userID.rawValue), neither root nor you; name the directory it leads to"
      )
    }
    links += 1
    guard links <= Self.mostLinks else { throw failure(.tooManySymbolicLinkLevels) }
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = try wording(failure) { [descriptor] () throws(Errno) in
      try checked { readlinkat(descriptor.rawValue, name, &text, text.count) }
    }
    let target = String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    pending += Self.components(target)
    guard target.hasPrefix("/") else { return }
    move(to: try Self.root(failure), "")
  }

  /// The components of a path, the last one first.
  private static func components(_ path: String) -> [String] {
    path.split(separator: "/").filter { $0 != "." }.reversed().map(String.init)
  }

  private func status(of file: FileDescriptor) throws -> Stat {
    try wording(failure) { () throws(Errno) in try Stat(file) }
  }

  private static func root(_ failure: (Errno) -> Failure) throws -> FileDescriptor {
    do {
      return try FileDescriptor.open("/", .readOnly, options: searching.union(.directory))
    } catch let error as Errno {
      throw failure(error)
    }
  }
}

/// Runs system calls; `failure` describes their errors.
private func wording<Value>(_ failure: (Errno) -> Failure, _ calls: () throws(Errno) -> Value) throws -> Value {
  do {
    return try calls()
  } catch {
    throw failure(error)
  }
}
