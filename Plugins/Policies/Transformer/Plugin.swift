import LossKit

/// What a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_ host: UnsafeRawPointer?, _ error: UnsafeMutableRawPointer?) -> UnsafeRawPointer? {
  Plugin.export(policies: [Transformer.self], error: error)
}
