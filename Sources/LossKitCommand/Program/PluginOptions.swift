import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// Where plugins are looked for.
struct PluginOptions: ParsableArguments {
  static let environmentVariable = PluginSearchPath.environmentVariable

  @Option(
    name: .customLong("plugin-path"),
    help: ArgumentHelp(
      "A directory with plugins, searched before all others; may be given several times.", valueName: "directory"))
  var pluginPaths: [String] = []

  /// The registry of all plugins, which are searched when the first name is looked up.
  func registry() throws -> PluginRegistry {
    try blaming(.usage) {
      let given = try PluginSearchPath(pluginPaths.map(Self.absolute))
      let path = given.appending(try .fromEnvironment()).appending(try PluginSearchPath(Self.ownDirectories))
      let indexer = Executable.path.map { PluginIndexer(program: $0, arguments: [IndexWorkerCommand.name]) }
      return PluginRegistry(searchPath: path, indexer: indexer)
    }
  }

  /// The directories that come with this executable: those of an installation, and in a build tree its own one.
  private static var ownDirectories: [String] {
    guard let directory = Executable.directory else { return [] }
    let installed = directory + "/../lib/losskit/plugins"
    let isBuildTree = Files.isDirectory(directory + "/LossKitCommand.build")
    return (Files.isDirectory(installed) ? [installed] : []) + (isBuildTree ? [directory] : [])
  }

  /// A path of the command line, which may begin at the working directory, written from '/' on.
  static func absolute(_ path: String) throws -> String {
    if path.hasPrefix("/") { return path }
    guard let directory = getcwd(nil, 0) else {
      throw Failure("\(path): the working directory cannot be read; write the path from '/' on")
    }
    defer { free(directory) }
    return "\(String(cString: directory))/\(path)"
  }
}
