import CLossKitForeign
import LossKit
import LossKitSystem
import Synchronization

/// Who may change a file or directory: for plugins, only root, the user or the owner of the running code.
enum Ownership {
  /// Throws if anyone else can replace the contents of a library or of its directory. Access control lists are read of an open file.
  static func check(_ status: Stat, of file: FileDescriptor? = nil, path: String) throws {
    guard isTrusted(status.userID) else { throw foreign(status, path) }
    if status.permissions.isSuperset(of: [.otherWrite, .saveText]) {
      throw Failure("\(path): everyone can put files there; move the plugin into a directory of your own")
    }
    try checkWriters(status, of: file, path: path)
  }

  /// Throws if anyone else can replace the contents of a directory above a library.
  ///
  /// A directory such as /tmp, which everyone can write but where nobody can remove another's files, is fine. So is one
  /// above the running code itself: anyone who can write there could replace that code as well.
  static func checkAbove(_ status: Stat, of directory: FileDescriptor, path: String) throws {
    if RunningCode.directoriesAbove.contains(FileIdentity(status)) { return }
    guard isTrustedAbove(status.userID) else { throw foreign(status, path) }
    if !status.permissions.contains(.saveText) { try checkWriters(status, of: directory, path: path) }
  }

  /// Whether an owner is root, the user, or an owner of the running code.
  static func isTrusted(_ owner: UserID) -> Bool {
    owner.rawValue == 0 || owner.rawValue == geteuid() || RunningCode.owners.contains(owner)
  }

  /// The same for directories above a library. In a container without a root user, root's files belong to the owner of
  /// `/`.
  static func isTrustedAbove(_ owner: UserID) -> Bool { isTrusted(owner) || owner == ownerOfEverything }

  private static let ownerOfEverything = (try? Stat("/", followTargetSymlink: false).userID) ?? UserID(0)

  private static func foreign(_ status: Stat, _ path: String) -> Failure {
    Failure(
      "\(path): belongs to user \(status.userID.rawValue), neither root nor you, and plugins run with your rights; "
        + "copy the plugin into a directory of your own")
  }

  private static func checkWriters(_ status: Stat, of file: FileDescriptor?, path: String) throws {
    guard !status.permissions.contains(.otherWrite) else {
      throw Failure("\(path): everyone can write it; remove that permission with chmod o-w")
    }
    guard !status.permissions.contains(.groupWrite) || isPrivate(status.groupID.rawValue) else {
      throw Failure(
        "\(path): group \(status.groupID.rawValue) can write it, and others may belong to it; remove that permission with chmod g-w"
      )
    }
    // A list may name other users. Its mask is what the group's permissions show, so without them it lets nobody write.
    guard
      !status.permissions.contains(.groupWrite) || !(file.map { losskit_has_access_list($0.rawValue) != 0 } ?? false)
    else {
      throw Failure("\(path): an access control list may let others write it; remove the list with setfacl -b")
    }
  }

  // MARK: Groups

  private static let privateGroups = Mutex([gid_t: Bool]())

  /// Whether only the user and root can be in a group. Looked up once per process.
  private static func isPrivate(_ group: gid_t) -> Bool {
    privateGroups.withLock { known in
      if let answer = known[group] { return answer }
      let answer = lookUpPrivate(group)
      known[group] = answer
      return answer
    }
  }

  /// A group lists its members, except those whose primary group it is. It is certainly nobody else's primary group
  /// only if it has the user's own name, as on many systems, or an id below 100, which no person has as primary group.
  private static func lookUpPrivate(_ id: gid_t) -> Bool {
    guard let user = userName(geteuid()), let group = groupEntry(id) else { return false }
    guard group.members.allSatisfy({ $0 == user || $0 == "root" }) else { return false }
    #if os(Linux)
      return group.name == user || id < 100
    #else
      return group.name == user || id == 0
    #endif
  }

  private static func userName(_ id: uid_t) -> String? {
    withBuffer { buffer in
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      let status = getpwuid_r(id, &entry, &buffer, buffer.count, &found)
      return (status, found.map { String(cString: $0.pointee.pw_name) })
    }
  }

  private static func groupEntry(_ id: gid_t) -> (name: String, members: [String])? {
    withBuffer { buffer in
      var entry = group()
      var found: UnsafeMutablePointer<group>?
      let status = getgrgid_r(id, &entry, &buffer, buffer.count, &found)
      guard let entry = found?.pointee else { return (status, nil) }
      var members: [String] = []
      var next = entry.gr_mem
      while let member = next?.pointee {
        members.append(String(cString: member))
        next = next?.advanced(by: 1)
      }
      return (status, (String(cString: entry.gr_name), members))
    }
  }

  /// Calls a lookup with larger and larger buffers until one is large enough.
  private static func withBuffer<Value>(
    _ body: (inout [CChar]) -> (status: Int32, value: Value?)
  ) -> Value? {
    var size = 4096
    while size <= 1 << 24 {
      var buffer = [CChar](repeating: 0, count: size)
      let result = body(&buffer)
      if result.status != ERANGE { return result.value }
      size *= 4
    }
    return nil
  }
}
