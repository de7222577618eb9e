import ArgumentParser
import LossKit
import LossKitRuntime

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where plugins are looked for.
struct PluginOptions: ParsableArguments {
  static let environmentVariable = PluginSearchPath.environmentVariable

  @Option(
    name: .customLong("plugin-path"),
    help: ArgumentHelp(
      "A directory with plugins, searched before all others; may be given several times.", valueName: "directory"))
  var pluginPaths: [String] = []

  /// The registry of all plugins, which are opened when the first name is looked up.
  func registry() throws -> PluginRegistry {
    try blaming(.usage) {
      let given = try PluginSearchPath(pluginPaths.map(Self.absolute))
      let path = given.appending(try .fromEnvironment()).appending(try PluginSearchPath(Self.ownDirectories))
      return PluginRegistry(searchPath: path)
    }
  }

  /// The directories that come with this executable: those of an installation, and in a build tree its own one.
  private static var ownDirectories: [String] {
    guard let directory = executableDirectory else { return [] }
    let installed = directory + "/../lib/losskit/plugins"
    let isBuildTree = isDirectory(directory + "/LossKitCommand.build")
    return (isDirectory(installed) ? [installed] : []) + (isBuildTree ? [directory] : [])
  }

  private static var executableDirectory: String? {
    #if canImport(Glibc)
      guard let path = realpath("/proc/self/exe", nil) else { return nil }
    #else
      var size = UInt32(0)
      _NSGetExecutablePath(nil, &size)
      var buffer = [CChar](repeating: 0, count: Int(size) + 1)
      guard _NSGetExecutablePath(&buffer, &size) == 0, let path = realpath(buffer, nil) else { return nil }
    #endif
    defer { free(path) }
    let text = String(cString: path)
    return text.lastIndex(of: "/").map { String(text[..<$0]) }
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// A path of the command line, which may begin at the working directory, written from '/' on.
  private static func absolute(_ path: String) throws -> String {
    if path.hasPrefix("/") { return path }
    guard let directory = getcwd(nil, 0) else {
      throw Failure("--plugin-path \(path): the working directory cannot be read; write the path from '/' on")
    }
    defer { free(directory) }
    return "\(String(cString: directory))/\(path)"
  }
}
