import CLossKit
import LossKit
import LossKitSystem

/// The file in the user's cache directory that keeps the index: `losskit/plugins-…` in `XDG_CACHE_HOME`, else in `~/.cache`.
///
/// It is the user's own, in a directory of the user's own, and replaced as a whole. Where it cannot be read, whatever the reason, the
/// index is made anew; where it cannot be written, it is made anew the next time.
struct IndexFile: Sendable {
  /// The directories that the file lies in, from the outer to the inner; they are made where they are missing.
  private let directories: [String]

  /// The file in `losskit` of this cache directory; nil for none, so that nothing is kept.
  init(cacheDirectory: String?) { directories = cacheDirectory.map { [$0, $0 + "/losskit"] } ?? [] }

  /// The file in the cache directory that the environment names; in none where it names none, or where the program runs with more rights
  /// than its user.
  static var ofUser: IndexFile {
    func absolute(_ variable: String) -> String? {
      secureEnvironmentValue(of: variable).flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    return IndexFile(cacheDirectory: absolute("XDG_CACHE_HOME") ?? absolute("HOME").map { $0 + "/.cache" })
  }

  /// Another version of LossKit, or of the plugin ABI, or another machine of the user's may find other things in the same file.
  private static let name = "plugins-\(LOSSKIT_VERSION)-abi\(PluginEntry.version)-\(machine)"
  private static let largest = 1 << 28

  #if arch(x86_64)
    private static let machine = "x86_64"
  #elseif arch(arm64)
    private static let machine = "arm64"
  #else
    private static let machine = "other"
  #endif

  /// The index as it was written last; an empty one where there is none, or where it is damaged or not to be trusted.
  func read() -> LibraryIndex {
    guard let directory = trustedDirectory() else { return LibraryIndex() }
    let descriptor = openat(directory.descriptor, Self.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return LibraryIndex() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Self.isOwn(status),
      status.st_size <= Self.largest
    else { return LibraryIndex() }
    return LibraryIndex(Self.bytes(of: descriptor, count: Int(status.st_size))) ?? LibraryIndex()
  }

  /// Adds what an index learned to the file.
  func write(_ index: LibraryIndex) {
    guard !index.additions.isEmpty else { return }
    let merged = index.merged(into: read())
    for path in directories { mkdir(path, 0o700) }
    guard let directory = trustedDirectory() else { return }
    let temporary = "\(Self.name).\(getpid()).\(UInt64.random(in: 0 ... .max))"
    let descriptor = openat(
      directory.descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    let isWritten = Self.write(Array(merged.text.utf8), to: descriptor)
    close(descriptor)
    if !isWritten || renameat(directory.descriptor, temporary, directory.descriptor, Self.name) != 0 {
      unlinkat(directory.descriptor, temporary, 0)
    }
  }

  /// The directory of the file; nil if it does not exist, or is not the user's alone.
  private func trustedDirectory() -> TrustedDirectory? {
    guard let path = directories.last,
      let directory = try? TrustedDirectory(path: path, orFail: { Failure(String(cString: strerror($0))) })
    else { return nil }
    var status = stat()
    guard fstat(directory.descriptor, &status) == 0, Self.isOwn(status) else { return nil }
    return directory
  }

  private static func isOwn(_ status: stat) -> Bool {
    status.st_uid == geteuid() && status.st_mode & (S_IWGRP | S_IWOTH) == 0
  }

  private static func bytes(of descriptor: Int32, count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count, let base = buffer.baseAddress {
        let read = pread(descriptor, base + filled, count - filled, off_t(filled))
        if read < 0, errno == EINTR { continue }
        guard read > 0 else { break }
        filled += read
      }
    }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { bytes in
        pwrite(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written, off_t(written))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }
}
