import CLossKit
import LossKit
import LossKitSystem
import Synchronization

/// A shared library that was opened as a plugin, and what it offers.
///
/// A library stays open until the process ends: images that contain Swift code cannot be unloaded. Opening the same
/// file again returns the same object.
public final class PluginLibrary: Sendable {
  /// The absolute path under which the file was first opened.
  public let path: String
  /// Its losses and reward parameterizations.
  public let components: [LoadedComponent]
  /// Its policies.
  public let policyTypes: [LoadedPolicyType]
  /// Its named objectives.
  public let objectives: [LoadedObjective]
  /// The file whose functions a manifest declares as components; nil for a plugin.
  let functionLibrary: String?
  /// The file; nil for functions of the running program.
  let identity: FileIdentity?

  /// The libraries opened in this process: the entry function of a library may only be called once.
  private struct Opened {
    var results: [FileIdentity: (stamp: FileStamp, result: Result<PluginLibrary, Failure>)] = [:]
    var identities: [String: FileIdentity] = [:]
    var manifests: [String: (digest: String, library: PluginLibrary)] = [:]

    /// The library of a file opened before. Throws if the file was changed or replaced since: the system's loader would
    /// return the old library again.
    func library(_ path: String, _ stamp: FileStamp) throws -> PluginLibrary? {
      if let known = results[stamp.identity] {
        guard stamp.hasContent(of: known.stamp) else {
          throw Failure("\(path): it has changed since it was opened; start the program again")
        }
        return try known.result.get()
      }
      guard identities[path] == nil else {
        throw Failure("\(path): another file than the one opened under this name before; start the program again")
      }
      return nil
    }
  }

  private static let opened = Mutex(Opened())

  /// Opens a library as a plugin, or a manifest, `NAME.losskit.json`, that declares a library's function as one.
  ///
  /// The file must be a regular file of root or the user that nobody else can write, and so must its directory. If
  /// `allowedDigests` is given, its SHA-256 sum must be among them, in hexadecimal digits. The library of a manifest
  /// must satisfy the same. Throws a failure that names the file and what is wrong with it.
  public static func open(_ path: String, allowedDigests: Set<String>? = nil) throws -> PluginLibrary {
    try open(path, allowedDigests: allowedDigests) {}
  }

  /// Opens a library, and reports when it has returned its description, before that is read. A library that was opened
  /// before reports nothing.
  package static func open(
    _ path: String, allowedDigests: Set<String>? = nil, whenEntered: () -> Void
  ) throws -> PluginLibrary {
    let file = try LibraryFile(path: absolutePath(path))
    try file.checkDigest(allowedDigests)
    if file.path.hasSuffix(FunctionManifest.suffix) { return try openManifest(file, allowedDigests) }
    return try opened.withLock { opened in
      if let known = try opened.library(file.path, file.stamp) { return known }
      #if os(Linux)
        try checkELF(file)
      #endif
      let entry = try entry(of: file)
      let result = Result<PluginLibrary, any Error> { try PluginLibrary(file, entry: entry, whenEntered) }
        .mapError { $0 as? Failure ?? Failure("\(file.path): \($0)") }
      opened.results[file.identity] = (file.stamp, result)
      opened.identities[file.path] = file.identity
      return try result.get()
    }
  }

  /// The library of a file, if this process has it open. Throws as `open` would.
  static func opened(_ path: String, _ stamp: FileStamp) throws -> PluginLibrary? {
    try opened.withLock { try $0.library(path, stamp) }
  }

  private static func openManifest(
    _ file: borrowing LibraryFile, _ allowedDigests: Set<String>?
  ) throws -> PluginLibrary {
    let digest = file.digest(), path = file.path
    let known = try opened.withLock { opened in
      guard let known = opened.manifests[path], known.digest != digest else { return opened.manifests[path]?.library }
      throw Failure("\(path): it has changed since it was opened; start the program again")
    }
    if let known { return known }
    let library = try readManifest(file, allowedDigests: allowedDigests)
    // Another thread may have opened it first: each file has one object.
    return opened.withLock { opened in
      let first = opened.manifests[path] ?? (digest, library)
      opened.manifests[path] = first
      return first.library
    }
  }

  /// The SHA-256 sum of the file's current content, in hexadecimal digits.
  public func digest() throws -> String {
    try LibraryFile(path: path).digest()
  }

  private static func entry(of file: borrowing LibraryFile) throws -> PluginEntry.Function {
    guard let symbol = dlsym(try file.openLibrary(), PluginEntry.symbol) else {
      throw Failure("\(file.path): not a LossKit plugin: it does not export \(PluginEntry.symbol)")
    }
    return unsafeBitCast(symbol, to: PluginEntry.Function.self)
  }

  /// Creates a library of components without a plugin entry: plain functions of the file `functionLibrary`.
  init(
    path: String, components: [LoadedComponent], functionLibrary: String? = nil, identity: FileIdentity? = nil
  ) {
    self.path = path
    self.components = components
    self.functionLibrary = functionLibrary
    self.identity = identity
    policyTypes = []
    objectives = []
  }

  private init(_ file: borrowing LibraryFile, entry: PluginEntry.Function, _ whenEntered: () -> Void) throws {
    let path = file.path
    var error = losskit_error()
    error.prompt = -1
    let entered = PluginCall.track("its entry", of: path) { entry(PluginEntry.host, &error) }
    guard let plugin = entered?.pointee else {
      throw Failure(error, place: "\(path): the library refused to serve", status: nil, promptCount: 0)
    }
    whenEntered()
    let reader = DescriptorReader(place: path)
    self.path = path
    identity = file.identity
    functionLibrary = nil
    let opened = OpenedFile(file)
    components = try reader.elements(plugin.components, count: plugin.component_count, "components", limit: 4096)
      .map { try LoadedComponent($0, library: path, files: [opened]) }
    policyTypes = try reader.elements(plugin.policies, count: plugin.policy_count, "policies", limit: 4096)
      .map { try LoadedPolicyType($0, library: path, file: opened) }
    objectives = try reader.elements(plugin.objectives, count: plugin.objective_count, "objectives", limit: 4096)
      .map { try LoadedObjective($0.pointee, library: path) }
    guard !components.isEmpty || !policyTypes.isEmpty || !objectives.isEmpty else {
      throw reader.failure("it offers nothing: no loss, reward, policy or objective")
    }
    try reader.checkDistinct(components.filter { $0.kind == .reward }.map(\.name), "reward")
    try reader.checkDistinct(policyTypes.map(\.name), "policy")
    // Both can be named as a term, so they share one namespace.
    let terms = components.filter { $0.kind == .loss }.map(\.name) + objectives.map(\.name)
    try reader.checkDistinct(terms, "loss or objective")
  }
}
