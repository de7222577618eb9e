import LossKitSystem

/// What tells one file from another, under whatever name.
struct FileIdentity: Hashable, Sendable {
  let device, inode: UInt64

  init(_ status: Stat) {
    device = UInt64(truncatingIfNeeded: status.deviceID.rawValue)
    inode = UInt64(truncatingIfNeeded: status.inode.rawValue)
  }

  init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }
}

/// What changes with a file's content: which file it is, its size, and its times in nanoseconds.
struct FileStamp: Hashable, Sendable {
  let identity: FileIdentity
  let size: Int
  /// When the content was written, which its owner may set to any time.
  let modified: Int
  /// When anything of the file changed, which the system alone sets.
  let changed: Int

  init(_ status: Stat) {
    identity = FileIdentity(status)
    size = Int(status.size)
    (modified, changed) = (nanoseconds(status.st_mtim), nanoseconds(status.st_ctim))
  }

  /// The stamp of the file at a path, or nil where none can be seen.
  init?(path: String) {
    guard let status = try? Stat(path, followTargetSymlink: false) else { return nil }
    self.init(status)
  }

  init(identity: FileIdentity, size: Int, modified: Int, changed: Int) {
    (self.identity, self.size, self.modified, self.changed) = (identity, size, modified, changed)
  }

  /// Whether the content is the same. A file whose rights or links alone changed still has its content.
  func hasContent(of other: FileStamp) -> Bool {
    identity == other.identity && size == other.size && modified == other.modified
  }
}

/// Nanoseconds of the system's clock.
var nanosecondsNow: Int {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return nanoseconds(time)
}

private func nanoseconds(_ time: timespec) -> Int { Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec) }
