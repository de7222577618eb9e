import LossKit
import LossKitSystem

/// A shared library that is independent of LossKit, opened for its functions. It stays open until the process ends.
struct FunctionLibrary {
  /// The file; the bare name for a library that the program had already loaded.
  let path: String
  /// The file, as it was opened; nil for a library that the program had already loaded.
  let file: OpenedFile?
  private let handle: UnsafeMutableRawPointer
  /// The functions it exports, if its file could be read.
  private let functions: [String]?

  /// Opens the library that a manifest names.
  ///
  /// A name without '/' refers to a file beside the manifest, or else to a library that this program has already
  /// loaded, such as `libm.so.6`; a bare name never loads a library. Files must satisfy the same rules as plugins.
  init(_ name: String, namedBy manifest: String, allowedDigests: Set<String>?) throws {
    guard !name.isEmpty else { throw Failure("key 'library': it is empty; name a file") }
    let path =
      name.hasPrefix("/") ? name : "\(manifest[..<(manifest.lastIndex(of: "/") ?? manifest.startIndex)])/\(name)"
    if !name.contains("/"), access(path, F_OK) != 0 {
      guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD) else {
        throw Failure(
          "key 'library': there is no '\(name)' beside the manifest, and this program has not loaded a library of that name; "
            + "put the file there, or write its absolute path")
      }
      (self.path, self.file, self.handle, functions) = (name, nil, handle, nil)
      return
    }
    let file = try LibraryFile(path: absolutePath(path))
    try file.checkDigest(allowedDigests)
    #if os(Linux)
      functions = try ELFLibrary(file).symbols.functions
    #else
      functions = nil
    #endif
    let handle = try file.openLibrary()
    self.path = file.path
    self.file = OpenedFile(file)
    self.handle = handle
  }

  /// The address of a function. Throws if the library has none of that name, listing the nearest ones.
  func address(of prototype: Prototype) throws -> UnsafeRawPointer {
    guard !prototype.name.isEmpty else {
      throw prototype.failure("the function has no name to find it by; write 'double name(…)'", at: 1)
    }
    guard functions?.contains(prototype.name) ?? true, let symbol = dlsym(handle, prototype.name) else {
      let problem =
        functions.map { unknownNameMessage(prototype.name, kind: "function", known: $0) }
        ?? "it has no function '\(prototype.name)'; check its spelling"
      throw Failure("\(prototype.subject): \(path): \(problem)")
    }
    return UnsafeRawPointer(symbol)
  }
}
