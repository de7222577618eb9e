import CLossKit
public import LossKit

/// A policy type of an opened library, from which instances are made.
///
/// Sendable although it holds a pointer: the descriptor never changes and stays valid until the process ends. Only
/// instances are limited to one thread at a time.
public final class LoadedPolicyType: @unchecked Sendable {
  /// The name it is found by.
  public let name: String
  /// The version of the policy.
  public let version: String
  /// A summary in one sentence.
  public let summary: String
  /// Paper or source; empty if not given.
  public let citation: String
  /// Paragraphs that follow the summary; empty if there are none.
  public let documentation: String
  /// Its options, in declared order.
  public let parameters: [ParameterDescription]
  /// The columns it can supply; `backward` takes gradients of the differentiable ones.
  public let columns: [Column]
  /// One sentence on each of `columns`.
  public let columnSummaries: [String]
  /// Whether instances have gradients and updates, and can be saved and copied.
  public let isTrainable: Bool
  /// Whether an instance can be created without a file.
  public let canCreate: Bool
  /// Whether the weights of an instance can be blended with those of another.
  public let canBlend: Bool
  /// The file it comes from.
  public let library: String
  /// The library's file; nil for a policy type without a library.
  public let file: OpenedFile?

  /// The plugin's own descriptor, to call it with.
  let descriptor: UnsafePointer<losskit_policy_type>

  /// Reads and checks a library's descriptor.
  init(_ descriptor: UnsafePointer<losskit_policy_type>, library: String, file: OpenedFile? = nil) throws {
    let declared = descriptor.pointee
    let outer = DescriptorReader(place: library)
    let name = try outer.componentName(declared.name)
    let reader = outer.within("policy '\(name)'")
    try reader.checkFlags(declared.flags, known: Int32(LOSSKIT_TRAINABLE))
    try reader.checkFunctions(declared)
    let supplied = try reader.columns(declared.columns, count: declared.column_count)

    self.descriptor = descriptor
    self.library = library
    self.file = file
    self.name = name
    version = try reader.text(declared.version, "version")
    summary = try reader.text(declared.summary, "summary")
    citation = try reader.optionalText(declared.citation, "citation") ?? ""
    documentation = try reader.optionalText(declared.documentation, "documentation") ?? ""
    parameters = try reader.parameters(declared.parameters, count: declared.parameter_count)
    columns = supplied.map(\.column)
    columnSummaries = supplied.map(\.summary)
    isTrainable = declared.flags.has(LOSSKIT_TRAINABLE)
    canCreate = declared.create != nil
    canBlend = declared.blend != nil
  }

  /// Whether two types are the same, so that their instances can be compared and blended.
  public func isSame(as other: LoadedPolicyType) -> Bool { descriptor == other.descriptor }

  /// An extension of the policy type by id; nil if it has none by that id.
  package func extensionPointer(_ id: String) -> UnsafeRawPointer? {
    descriptor.pointee.extension.flatMap { lookup in id.withCString { lookup(descriptor, $0) } }
  }

  /// Creates an instance with fresh weights from `seed`; options that are not given have their defaults.
  ///
  /// Throws for an option that does not exist or is out of bounds, and if instances can only be loaded.
  public func create(options: [String: Double] = [:], seed: UInt64) throws -> PolicyInstance {
    guard let create = descriptor.pointee.create else {
      throw Failure("policy \(name): it cannot be created; name a file or directory to load")
    }
    let values = try values(of: options) { $0.initial }
    return try instance(options: options) { create(descriptor, values, seed, $0, $1) }
  }

  /// Loads an instance from `path`; options that are not given have the values stored there.
  ///
  /// Throws for an option that does not exist, is out of bounds, or contradicts what is stored.
  public func load(path: String, options: [String: Double] = [:]) throws -> PolicyInstance {
    guard let load = descriptor.pointee.load else { throw Failure("policy \(name): it cannot be loaded from a file") }
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw Failure("policy \(name): the path to load is empty or holds a zero byte; name a file or directory")
    }
    let values = try values(of: options) { _ in .nan }
    return try instance(options: options) { load(descriptor, path, values, $0, $1) }
  }

  /// The values of all options in declared order.
  private func values(
    of options: [String: Double], default fallback: (ParameterDescription) -> Double
  ) throws -> [Double] {
    for name in options.keys.sorted() where !parameters.contains(where: { $0.name == name }) {
      throw Failure(
        "policy \(self.name): " + unknownNameMessage(name, kind: "option", known: parameters.map(\.name)))
    }
    return try parameters.map { parameter in
      guard let value = options[parameter.name] else { return fallback(parameter) }
      do {
        try parameter.check(value)
      } catch {
        throw Failure("policy \(name): \(error)")
      }
      return value
    }
  }

  /// Wraps the instance that a call makes.
  func instance(
    options: [String: Double],
    _ make: (UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<losskit_error>) -> Int32
  ) throws -> PolicyInstance {
    var made: OpaquePointer?
    try callPlugin("policy \(name)", of: library) { error in withUnsafeMutablePointer(to: &made) { make($0, error) } }
    guard let made else { throw Failure("policy \(name): it reported success but made no instance") }
    return PolicyInstance(made, type: self, options: options)
  }
}

extension DescriptorReader {
  fileprivate func checkFunctions(_ declared: losskit_policy_type) throws {
    guard declared.create != nil || declared.load != nil else { throw failure("it can neither be created nor loaded") }
    guard declared.destroy != nil, declared.measure != nil, declared.forward != nil else {
      throw failure("one of its functions destroy, measure and forward is null")
    }
    guard declared.flags.has(LOSSKIT_TRAINABLE) else { return }
    guard declared.backward != nil, declared.step != nil, declared.save != nil, declared.copy != nil else {
      throw failure("it is trainable, but one of its functions backward, step, save and copy is null")
    }
  }
}
