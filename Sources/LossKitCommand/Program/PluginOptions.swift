import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// The options for plugin directories.
struct PluginOptions: ParsableArguments {
  static let environmentVariable = PluginSearchPath.environmentVariable

  @Option(
    name: .customLong("plugin-path"),
    help: ArgumentHelp(
      "A directory with plugins, searched before all others; may be repeated.", valueName: "directory"))
  var pluginPaths: [String] = []

  /// The registry of all plugins. Directories are searched when the first name is looked up.
  func registry() throws -> PluginRegistry {
    try blaming(.usage) {
      let given = try PluginSearchPath(pluginPaths.map(Self.absolute))
      let path = given.appending(try .fromEnvironment()).appending(try PluginSearchPath(Self.ownDirectories))
      let indexer = Executable.path.map { PluginIndexer(program: $0, arguments: [IndexWorkerCommand.name]) }
      return PluginRegistry(searchPath: path, indexer: indexer)
    }
  }

  /// The plugin directories of this installation, or of the build tree.
  private static var ownDirectories: [String] {
    guard let directory = Executable.directory else { return [] }
    let installed = directory + "/../lib/losskit/plugins"
    let isBuildTree = Files.isDirectory(directory + "/LossKitCommand.build")
    return (Files.isDirectory(installed) ? [installed] : []) + (isBuildTree ? [directory] : [])
  }

  /// The absolute form of a path of the command line, which may be relative to the working directory.
  static func absolute(_ path: String) throws -> String {
    if path.hasPrefix("/") { return path }
    guard let directory = getcwd(nil, 0) else {
      throw Failure("\(path): the working directory cannot be read; write an absolute path")
    }
    defer { free(directory) }
    return "\(String(cString: directory))/\(path)"
  }
}
