import LossKit

extension PluginLibrary {
  /// Reads the manifest in an open file. Throws a failure that names the file, and the key or the column of a
  /// prototype.
  static func readManifest(
    _ file: borrowing LibraryFile, allowedDigests: Set<String>?
  ) throws -> PluginLibrary {
    let path = file.path
    guard file.size <= 1 << 20 else { throw Failure("\(path): it is \(file.size) bytes long; 1 MiB is the limit") }
    let manifest: FunctionManifest
    do {
      manifest = try FunctionManifest(parsing: file.bytes(at: 0, count: Int(file.size)))
    } catch let failure as Failure {
      throw Failure("\(path): \(failure.message)")
    }
    var library: FunctionLibrary?
    let component = try LoadedComponent.function(manifest.declaration, place: path) { binding in
      for prototype in [binding.function, binding.gradient].compactMap({ $0 }) {
        guard let argument = prototype.argument(named: Prototype.userData) else { continue }
        throw prototype.failure(
          "'user_data' is only for functions of the running program; leave it out", at: argument.column)
      }
      let opened = try FunctionLibrary(manifest.library, namedBy: path, allowedDigests: allowedDigests)
      library = opened
      let function = try opened.address(of: binding.function)
      guard let code = opened.file ?? OpenedFile.containing(function)?.file else {
        throw Failure("key 'library': the file of '\(manifest.library)' cannot be determined; write its absolute path")
      }
      return LoadedComponent.FunctionSource(
        addresses: .init(function: function, gradient: try binding.gradient.map(opened.address(of:))),
        files: [OpenedFile(file), code])
    }
    return PluginLibrary(path: path, components: [component], functionLibrary: library?.path, identity: file.identity)
  }
}
