import LossKitSystem

/// Identifies a file, whatever its name.
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

/// A stamp that changes with a file's content: its identity, its size, and its times in nanoseconds.
struct FileStamp: Hashable, Sendable {
  let identity: FileIdentity
  let size: Int
  /// The modification time, which the owner may set freely.
  let modified: Int
  /// The status change time, which only the system sets.
  let changed: Int

  init(_ status: Stat) {
    identity = FileIdentity(status)
    size = Int(status.size)
    (modified, changed) = (nanoseconds(status.st_mtim), nanoseconds(status.st_ctim))
  }

  /// The stamp of the file at a path, or nil if it cannot be examined.
  init?(path: String) {
    guard let status = try? Stat(path, followTargetSymlink: false) else { return nil }
    self.init(status)
  }

  init(identity: FileIdentity, size: Int, modified: Int, changed: Int) {
    (self.identity, self.size, self.modified, self.changed) = (identity, size, modified, changed)
  }

  /// Whether the content is the same. A change of permissions or links alone leaves the content as it was.
  func hasContent(of other: FileStamp) -> Bool {
    identity == other.identity && size == other.size && modified == other.modified
  }
}

/// The system clock in nanoseconds.
var nanosecondsNow: Int {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return nanoseconds(time)
}

private func nanoseconds(_ time: timespec) -> Int { Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec) }
