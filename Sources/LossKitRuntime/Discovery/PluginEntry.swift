import CLossKit
import LossKit
import LossKitSystem

/// The one function of a plugin, and what the host says of itself when it calls it.
enum PluginEntry {
  static let version = 1
  static let symbolPrefix = "losskit_plugin_entry_v"
  static var symbol: String { symbolPrefix + String(version) }

  typealias Function =
    @convention(c) (UnsafePointer<losskit_host>?, UnsafeMutablePointer<losskit_error>?) -> UnsafePointer<
      losskit_plugin
    >?

  /// Lives as long as the process, for a plugin may keep it. Written once, before anybody reads it.
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
