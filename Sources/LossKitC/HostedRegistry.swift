import CLossKit
import LossKit
import LossKitRuntime

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A registry that a host opened.
final class HostedRegistry: Sendable {
  let registry: PluginRegistry

  /// Throws for options that make no sense.
  init(_ options: losskit_registry_options) throws {
    let place = "losskit_registry_open"
    guard options.flags & ~UInt32(LOSSKIT_DEFAULT_PATH) == 0, options.reserved == 0 else {
      throw Failure("\(place): the options have unknown flags; set to 0 what this version does not know")
    }
    let directories = try texts(options.directories, count: options.directory_count, place, "directories")
    var path = try PluginSearchPath(directories)
    if options.flags & UInt32(LOSSKIT_DEFAULT_PATH) != 0 {
      path = path.appending(try .fromEnvironment()).appending(try PluginSearchPath(Self.ownDirectories))
    }
    let digests = try options.allowed_digests.map { digests in
      Set(try texts(digests, count: options.allowed_digest_count, place, "allowed_digests"))
    }
    registry = PluginRegistry(searchPath: path, allowedDigests: digests)
  }

  /// The plugins that were installed with this library, wherever that was moved.
  private static var ownDirectories: [String] {
    guard let library = ownPath, let slash = library.lastIndex(of: "/") else { return [] }
    let directory = library[..<slash] + "/losskit/plugins"
    return access(String(directory), F_OK) == 0 ? [String(directory)] : []
  }

  /// The file that this code was loaded from.
  private static var ownPath: String? {
    // Its declaration needs _GNU_SOURCE, which the imported C library was not built with, so it is found by name. What it
    // fills in are four pointers, the name of the file first.
    typealias Lookup = @convention(c) (UnsafeRawPointer, UnsafeMutablePointer<UnsafePointer<CChar>?>) -> Int32
    guard let symbol = dlsym(nil, "dladdr") else { return nil }
    return withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: 4) { found in
      found.initialize(repeating: nil)
      guard let target = found.baseAddress, unsafeBitCast(symbol, to: Lookup.self)(#dsohandle, target) != 0,
        let name = found[0], let path = realpath(name, nil)
      else { return nil }
      defer { free(path) }
      return String(cString: path)
    }
  }
}
