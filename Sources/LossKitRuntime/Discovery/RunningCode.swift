import CLossKitForeign
import LossKitSystem

/// The files that this code was loaded from.
package enum RunningCode {
  /// The running program, all links resolved.
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

  /// The library that this code is part of, all links resolved. Where it is part of a program, it may be nil.
  package static var library: String? {
    var offset = 0
    // The name of a program is what its caller wrote.
    guard let name = losskit_code_file(#dsohandle, &offset).map({ String(cString: $0) }), name.hasPrefix("/") else {
      return nil
    }
    return resolved(name)
  }

  /// The directories above the program and the library. Whoever can exchange one of them can exchange this code.
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

  /// Who owns the program and the library. Their owners decide what this code does; what else they own may as well be trusted. In an
  /// installation that many share, and in a container that does not know root, it is neither root nor the user.
  static let owners = Set(
    [program, library].compactMap { $0.flatMap { try? Stat($0, followTargetSymlink: false).userID } })

  private static func resolved(_ path: String) -> String? {
    guard let path = realpath(path, nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }
}
