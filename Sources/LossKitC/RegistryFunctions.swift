// The names are those of losskit.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CLossKit
import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitSystem

// The functions of losskit.h for the library itself and for registries, which losskit.h documents.

/// Initialized once, before any read, and never freed.
nonisolated(unsafe) private let version: UnsafeMutablePointer<CChar>? = strdup(lossKitVersion)

/// The version of the library.
@c @implementation
public func losskit_version() -> UnsafePointer<CChar>? { UnsafePointer(version) }

/// Frees a text that was given to a host.
@c @implementation
public func losskit_text_free(_ text: UnsafeMutablePointer<CChar>?) { free(text) }

/// Makes a registry.
@c @implementation
public func losskit_registry_open(
  _ options: UnsafePointer<losskit_registry_options>?, _ registry: UnsafeMutablePointer<losskit_registry_ref?>?,
  _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let target = try required(registry, "losskit_registry_open", "registry")
    target.pointee = nil
    target.pointee = try Handles.registries.insert(
      HostedRegistry(options?.pointee ?? losskit_registry_options()))
  }
}

/// Opens a library by its path.
@c @implementation
public func losskit_registry_add(
  _ registry: losskit_registry_ref?, _ path: UnsafePointer<CChar>?, _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let registry = try Handles.registries.object(registry).registry
    try registry.open(path: text(path, "losskit_registry_add", "path"))
  }
}

/// Returns everything the registry offers, as JSON.
@c @implementation
public func losskit_registry_list(
  _ registry: losskit_registry_ref?, _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let target = try required(json, "losskit_registry_list", "json")
    target.pointee = nil
    try give(Handles.registries.object(registry).registry.listing.json.indented, to: target)
  }
}

/// Returns the full description of a name, as JSON.
@c @implementation
public func losskit_registry_describe(
  _ registry: losskit_registry_ref?, _ name: UnsafePointer<CChar>?,
  _ json: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let target = try required(json, "losskit_registry_describe", "json")
    target.pointee = nil
    let registry = try Handles.registries.object(registry).registry
    let descriptions = try registry.descriptions(named: text(name, "losskit_registry_describe", "name"))
    try give(JSONValue.array(descriptions.map(\.json)).indented, to: target)
  }
}

/// Registers a function of the running program as a loss or a reward.
@c @implementation
public func losskit_registry_add_function(
  _ registry: losskit_registry_ref?, _ declaration: UnsafePointer<CChar>?, _ function: losskit_function?,
  _ gradient: losskit_function?, _ userData: UnsafeMutableRawPointer?, _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let registry = try Handles.registries.object(registry).registry
    let declaration = try FunctionDeclaration(
      parsing: Array(text(declaration, "losskit_registry_add_function", "declaration").utf8))
    let function = try required(function, "losskit_registry_add_function", "function")
    try registry.register(
      declaration, function: unsafeBitCast(function, to: UnsafeRawPointer.self),
      gradient: gradient.map { unsafeBitCast($0, to: UnsafeRawPointer.self) }, userData: userData)
  }
}

/// Unregisters a function.
@c @implementation
public func losskit_registry_remove_function(
  _ registry: losskit_registry_ref?, _ name: UnsafePointer<CChar>?, _ kind: UnsafePointer<CChar>?,
  _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  result(failure) {
    let registry = try Handles.registries.object(registry).registry
    let kindName = try text(kind, "losskit_registry_remove_function", "kind")
    guard let kind = LoadedComponent.Kind(rawValue: kindName) else {
      throw Failure("losskit_registry_remove_function: '\(kindName)' is not a kind; use loss or reward")
    }
    try registry.unregister(text(name, "losskit_registry_remove_function", "name"), kind: kind)
  }
}

/// Closes a registry; objectives made from it stay open.
@c @implementation
public func losskit_registry_close(
  _ registry: losskit_registry_ref?, _ failure: UnsafeMutablePointer<losskit_failure>?
) -> Int32 {
  registry == nil ? 0 : result(failure) { try Handles.registries.close(registry) }
}
