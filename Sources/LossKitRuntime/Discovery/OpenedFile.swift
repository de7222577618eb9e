import CLossKitForeign
import LossKit
import LossKitSystem
import Synchronization

/// A file that something was made from, a library or a manifest, as it was when it was opened.
public struct OpenedFile: Sendable, Hashable {
  /// The absolute path under which it was opened.
  public let path: String
  private let stamp: FileStamp

  init(_ file: borrowing LibraryFile) {
    path = file.path
    stamp = file.stamp
  }

  /// The SHA-256 sum of the file's content, in hexadecimal digits. Throws where the file was changed or exchanged since it was
  /// opened: what runs is then not what lies there.
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

  /// A library may be asked for once per objective.
  private static let digests = Mutex<[OpenedFile: String]>([:])
}

extension OpenedFile {
  /// The file that holds a function of this process, and where in it the function is; nil for code that was made at run time.
  static func containing(_ function: UnsafeRawPointer) -> (file: OpenedFile, offset: Int)? {
    var offset = 0
    // The loader may know it by a symbolic link, or the program by the name it was started with.
    guard let name = losskit_code_file(function, &offset), let path = realpath(name, nil) else { return nil }
    defer { free(path) }
    guard let file = try? LibraryFile(path: String(cString: path)) else { return nil }
    return (OpenedFile(file), offset)
  }
}
