package import CLossKit
import LossKit

/// The components that a plugin's entry function, or `Plugin.export`, returned.
package func components(of plugin: UnsafeRawPointer?) throws -> [UnsafePointer<losskit_component>] {
  guard let plugin else { throw Failure("the plugin was not exported") }
  let descriptor = plugin.assumingMemoryBound(to: losskit_plugin.self).pointee
  return (0..<descriptor.component_count).compactMap { descriptor.components[$0] }
}
