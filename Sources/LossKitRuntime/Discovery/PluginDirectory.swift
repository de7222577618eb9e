import LossKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a directory of the search path holds.
struct PluginDirectory {
  private(set) var libraries: [PluginLibrary] = []
  private(set) var problems: [PluginProblem] = []

  /// Opens every library and every manifest of a directory, in the order of their names. What cannot be used becomes a problem;
  /// a library that a manifest names need not be a plugin itself.
  init(_ path: String, allowedDigests: Set<String>?) {
    do {
      let files = try Self.libraryFiles(in: path)
      for file in files where file.hasSuffix(FunctionManifest.suffix) { open(file, allowedDigests) }
      let named = Set(libraries.compactMap(\.functionLibrary))
      for file in files where !file.hasSuffix(FunctionManifest.suffix) {
        open(file, allowedDigests)
        if named.contains(file) { problems.removeAll { $0.path == file } }
      }
    } catch {
      problems.append(PluginProblem(path: path, message: "\(error)"))
    }
  }

  private mutating func open(_ file: String, _ allowedDigests: Set<String>?) {
    do {
      libraries.append(try PluginLibrary.open(file, allowedDigests: allowedDigests))
    } catch {
      problems.append(PluginProblem(path: file, message: "\(error)"))
    }
  }

  fileprivate static func libraryFiles(in directory: String) throws -> [String] {
    guard let stream = opendir(directory) else {
      throw Failure("\(directory): cannot be searched for plugins: \(String(cString: strerror(errno)))")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      let isLibrary = name.hasPrefix("lib") && name.hasSuffix(suffix)
      if isLibrary || name.hasSuffix(FunctionManifest.suffix) { names.append(name) }
    }
    let base = directory.hasSuffix("/") ? directory : directory + "/"
    return names.sorted().map { base + $0 }
  }

  #if canImport(Darwin)
    private static let suffix = ".dylib"
  #else
    private static let suffix = ".so"
  #endif
}

extension PluginLibrary {
  /// The files of a directory that would be opened as plugins, in that order. Throws where it cannot be read.
  ///
  /// Where there are manifests, a library without an entry function may be what they name, and is left out.
  package static func files(in directory: String) throws -> [String] {
    let files = try PluginDirectory.libraryFiles(in: absolutePath(directory))
    guard files.contains(where: { $0.hasSuffix(FunctionManifest.suffix) }) else { return files }
    return files.filter { file in
      #if os(Linux)
        if file.hasSuffix(FunctionManifest.suffix) { return true }
        guard let symbols = try? exportedSymbols(of: file) else { return true }
        return symbols.contains { $0.hasPrefix(PluginEntry.symbolPrefix) }
      #else
        return true
      #endif
    }
  }

  /// What the names of manifests end with.
  package static var manifestSuffix: String { FunctionManifest.suffix }
}
