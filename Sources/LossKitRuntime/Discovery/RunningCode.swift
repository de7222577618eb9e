import CLossKitForeign
import LossKitSystem

/// The files that this code was loaded from.
package enum RunningCode {
  /// The running program, with symbolic links resolved.
  package static var program: String? {
    #if os(Linux)
      return resolved("/proc/self/exe")
    #else
      var size = UInt32(0)
      _NSGetExecutablePath(nil, &size)
      var buffer = [CChar](repeating: 0, count: Int(size) + 1)
      guard _NSGetExecutablePath(&buffer, &size) == 0 else { return nil }
      return buffer.withUnsafeBufferPointer { $0.baseAddress.flatMap { resolved(String(cString: $0)) } }
    #endif
  }

  /// The library that contains this code, with symbolic links resolved; may be nil if a program contains it.
  package static var library: String? {
    var offset = 0
    // For a program, the loader's name is what its caller passed.
    guard let name = losskit_code_file(#dsohandle, &offset).map({ String(cString: $0) }), name.hasPrefix("/") else {
      return nil
    }
    return resolved(name)
  }

  /// The directories above the program and the library. Anyone who can replace one of them can replace this code.
  static let directoriesAbove: Set<FileIdentity> = {
    var identities: Set<FileIdentity> = []
    for file in [program, library].compactMap({ $0 }) {
      var path = file[...]
      while let slash = path.lastIndex(of: "/") {
        path = path[..<slash]
        let status = try? Stat(path.isEmpty ? "/" : String(path), followTargetSymlink: false)
        if let status { identities.insert(FileIdentity(status)) }
      }
    }
    return identities
  }()

  /// The owners of the program and the library. They control this code already, so their other files may be trusted
  /// too. In a shared installation, and in a container without a root user, an owner may be neither root nor the user.
  static let owners = Set(
    [program, library].compactMap { $0.flatMap { try? Stat($0, followTargetSymlink: false).userID } })

  private static func resolved(_ path: String) -> String? {
    guard let path = realpath(path, nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }
}
