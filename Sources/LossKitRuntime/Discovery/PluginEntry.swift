import CLossKit
import LossKit
import LossKitSystem

/// The entry function of a plugin, and how the host describes itself when calling it.
enum PluginEntry {
  static let version = 1
  static let symbolPrefix = "losskit_plugin_entry_v"
  static var symbol: String { symbolPrefix + String(version) }

  typealias Function =
    @convention(c) (UnsafePointer<losskit_host>?, UnsafeMutablePointer<losskit_error>?) -> UnsafePointer<
      losskit_plugin
    >?

  /// Lives until the process ends, since a plugin may keep it. Initialized once, before any read.
  nonisolated(unsafe) static let host: UnsafePointer<losskit_host> = {
    let host = UnsafeMutablePointer<losskit_host>.allocate(capacity: 1)
    host.initialize(
      to: losskit_host(name: strdup("losskit"), version: strdup(lossKitVersion), extension: { _ in nil }))
    return UnsafePointer(host)
  }()
}

extension PluginLibrary {
  /// The name of the function that a plugin exports.
  package static var entrySymbol: String { PluginEntry.symbol }
}
