import CLossKit
import LossKit
import LossKitSystem

/// The file in the user's cache directory that keeps the index: `losskit/plugins-…` in `XDG_CACHE_HOME`, else in `~/.cache`.
///
/// The file and its directory belong to the user alone, and the file is replaced atomically. If it cannot be read, for
/// whatever reason, the index is rebuilt; if it cannot be written, it is rebuilt the next time.
struct IndexFile: Sendable {
  /// The directories that contain the file, outermost first; missing ones are created.
  private let directories: [String]

  /// The file in `losskit` of this cache directory; nil: nothing is kept.
  init(cacheDirectory: String?) { directories = cacheDirectory.map { [$0, $0 + "/losskit"] } ?? [] }

  /// The file in the cache directory that the environment names; nothing is kept if it names none, or if the program
  /// runs with more rights than its user.
  static var ofUser: IndexFile {
    func absolute(_ variable: String) -> String? {
      secureEnvironmentValue(of: variable).flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    return IndexFile(cacheDirectory: absolute("XDG_CACHE_HOME") ?? absolute("HOME").map { $0 + "/.cache" })
  }

  /// Another version of LossKit or of the plugin ABI, or another machine that shares the directory, may find something
  /// else in a file.
  private static let name = "plugins-\(LOSSKIT_VERSION)-abi\(PluginEntry.version)-\(machine)"
  private static let largest = 1 << 28

  #if arch(x86_64)
    private static let machine = "x86_64"
  #elseif arch(arm64)
    private static let machine = "arm64"
  #else
    private static let machine = "other"
  #endif

  /// The index as last written; an empty one if it is missing, damaged or not trustworthy.
  func read() -> LibraryIndex {
    guard let directory = trustedDirectory() else { return LibraryIndex() }
    guard let content = try? Self.content(in: directory) else { return LibraryIndex() }
    return LibraryIndex(content) ?? LibraryIndex()
  }

  /// The content of the file; nil if it does not belong to the user, or is too large.
  private static func content(in directory: borrowing TrustedDirectory) throws -> [UInt8]? {
    let file = try directory.descriptor.open(name, .readOnly, options: [.noFollow, .nonBlocking, .closeOnExec])
    return try file.closeAfter {
      let status = try Stat(file)
      guard status.type == .regular, isOwn(status), status.size <= largest else { return nil }
      return try [UInt8](unsafeUninitializedCapacity: Int(status.size)) { buffer, filled in
        filled = try file.read(filling: UnsafeMutableRawBufferPointer(buffer), from: 0)
      }
    }
  }

  /// Merges what an index learned into the file.
  func write(_ index: LibraryIndex) {
    guard !index.additions.isEmpty else { return }
    let merged = index.merged(into: read())
    for path in directories { mkdir(path, 0o700) }
    guard let directory = trustedDirectory() else { return }
    let temporary = "\(Self.name).\(getpid()).\(UInt64.random(in: 0 ... .max))"
    let place = directory.descriptor
    let file = try? place.open(
      temporary, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
      permissions: .ownerReadWrite)
    guard let file else { return }
    do {
      _ = try file.closeAfter { try file.writeAll(merged.text.utf8) }
      _ = try checked { renameat(directory.descriptor.rawValue, temporary, place.rawValue, Self.name) }
    } catch {
      unlinkat(directory.descriptor.rawValue, temporary, 0)
    }
  }

  /// The directory of the file; nil if it does not exist, or does not belong to the user alone.
  private func trustedDirectory() -> TrustedDirectory? {
    guard let path = directories.last,
      let directory = try? TrustedDirectory(path: path, orFail: { Failure("\($0)") }),
      let status = try? Stat(directory.descriptor), Self.isOwn(status)
    else { return nil }
    return directory
  }

  private static func isOwn(_ status: Stat) -> Bool {
    status.userID.rawValue == geteuid() && status.permissions.isDisjoint(with: [.groupWrite, .otherWrite])
  }
}
