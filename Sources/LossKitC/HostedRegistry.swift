import CLossKit
import LossKit
import LossKitRuntime
import LossKitSystem

/// A registry that a host opened.
final class HostedRegistry: Sendable {
  let registry: PluginRegistry

  /// Throws for invalid options.
  init(_ options: losskit_registry_options) throws {
    let place = "losskit_registry_open"
    guard options.flags & ~UInt32(LOSSKIT_DEFAULT_PATH) == 0, options.reserved == 0 else {
      throw Failure("\(place): the options have unknown flags; set flags that this version does not know to 0")
    }
    let directories = try texts(options.directories, count: options.directory_count, place, "directories")
    var path = try PluginSearchPath(directories)
    if options.flags & UInt32(LOSSKIT_DEFAULT_PATH) != 0 {
      path = path.appending(try .fromEnvironment()).appending(try PluginSearchPath(Self.ownDirectories))
    }
    let digests = try options.allowed_digests.map { digests in
      Set(try texts(digests, count: options.allowed_digest_count, place, "allowed_digests"))
    }
    registry = PluginRegistry(searchPath: path, allowedDigests: digests, indexer: Self.ownIndexer)
  }

  /// The directory of the installation that this library is part of, wherever it was moved.
  private static var ownDirectory: String? {
    RunningCode.library.flatMap { path in path.lastIndex(of: "/").map { path[..<$0] + "/losskit" } }
  }

  /// The directories of the plugins that were installed with this library.
  private static var ownDirectories: [String] {
    guard let directory = ownDirectory.map({ $0 + "/plugins" }), access(directory, F_OK) == 0 else { return [] }
    return [directory]
  }

  /// The program, installed with this library, that opens libraries to index them; nil in a program with more rights
  /// than its user.
  private static var ownIndexer: PluginIndexer? {
    guard let program = ownDirectory.map({ $0 + "/losskit-index" }), access(program, X_OK) == 0, geteuid() == getuid(),
      getegid() == getgid()
    else { return nil }
    return PluginIndexer(program: program)
  }
}
