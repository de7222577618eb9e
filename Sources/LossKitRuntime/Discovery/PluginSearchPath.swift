import LossKit
import LossKitSystem

/// The directories searched for plugins, in order.
///
/// A program that embeds LossKit has an empty one by default.
public struct PluginSearchPath: Sendable, Equatable {
  /// The environment variable that `fromEnvironment` reads.
  public static let environmentVariable = "LOSSKIT_PLUGIN_PATH"

  /// Absolute paths of directories; a name in an earlier one shadows the same name in a later one.
  public let directories: [String]

  /// The path without directories.
  public static let empty = PluginSearchPath(checked: [])

  /// Creates a path of directories in this order. Throws for a path that is not absolute.
  public init(_ directories: [String]) throws {
    for directory in directories where !directory.hasPrefix("/") {
      throw Failure("plugin path: '\(directory)' is not absolute; write the path from '/' on")
    }
    self.init(checked: directories)
  }

  /// The directories in `LOSSKIT_PLUGIN_PATH`, separated by colons; none if it is not set, and none in a program that
  /// runs with more rights than its user. Throws for an entry that is not absolute.
  public static func fromEnvironment() throws -> PluginSearchPath {
    try PluginSearchPath(parsing: secureEnvironmentValue(of: environmentVariable) ?? "")
  }

  /// Returns a path that searches `other` after this one.
  public func appending(_ other: PluginSearchPath) -> PluginSearchPath {
    PluginSearchPath(checked: directories + other.directories)
  }

  init(parsing text: String) throws {
    let entries = text.split(separator: ":").map(String.init)
    for entry in entries where !entry.hasPrefix("/") {
      throw Failure(
        "\(Self.environmentVariable): '\(entry)' is not absolute; write directories from '/' on, with ':' between them")
    }
    self.init(checked: entries)
  }

  private init(checked directories: [String]) { self.directories = directories }
}

/// The value of an environment variable, or nil if the program runs with more rights than the user who set it.
func secureEnvironmentValue(of name: String) -> String? {
  #if os(Linux)
    // glibc's own test covers more than user ids (file capabilities, too). Its declaration needs _GNU_SOURCE, which the
    // imported C library was not built with, so it is looked up by name.
    typealias Lookup = @convention(c) (UnsafePointer<CChar>) -> UnsafeMutablePointer<CChar>?
    if let symbol = dlsym(nil, "secure_getenv") {
      return unsafeBitCast(symbol, to: Lookup.self)(name).map { String(cString: $0) }
    }
  #endif
  guard geteuid() == getuid(), getegid() == getgid() else { return nil }
  return getenv(name).map { String(cString: $0) }
}
