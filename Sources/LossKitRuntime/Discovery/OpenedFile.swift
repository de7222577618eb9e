import CLossKitForeign
import LossKit
import LossKitSystem
import Synchronization

/// A library or manifest that something was made from, in the state in which it was opened.
public struct OpenedFile: Sendable, Hashable {
  /// The absolute path under which it was opened.
  public let path: String
  private let stamp: FileStamp

  init(_ file: borrowing LibraryFile) {
    path = file.path
    stamp = file.stamp
  }

  /// The SHA-256 sum of the file's content, in hexadecimal digits. Throws if the file was changed or replaced since it
  /// was opened: the running code is then not that of the file.
  public func digest() throws -> String {
    let file = try LibraryFile(path: path)
    guard file.stamp.hasContent(of: stamp) else {
      throw Failure("\(path): it has changed since it was opened; start the program again")
    }
    if let known = Self.digests.withLock({ $0[self] }) { return known }
    let digest = file.digest()
    Self.digests.withLock { $0[self] = digest }
    return digest
  }

  /// A cache, since a library may be requested once per objective.
  private static let digests = Mutex<[OpenedFile: String]>([:])
}

extension OpenedFile {
  /// The file that contains a function of this process, and the function's offset in it; nil for code generated at run
  /// time.
  static func containing(_ function: UnsafeRawPointer) -> (file: OpenedFile, offset: Int)? {
    var offset = 0
    // The loader may know the file by a symbolic link, or the program by the name it was started with.
    guard let name = losskit_code_file(function, &offset), let path = realpath(name, nil) else { return nil }
    defer { free(path) }
    guard let file = try? LibraryFile(path: String(cString: path)) else { return nil }
    return (OpenedFile(file), offset)
  }
}
