import CLossKit

/// A name for a text in the objective grammar, such as `dpo @ forward-kl`.
public struct NamedObjective: Sendable {
  let name, expression, version, summary, citation, documentation: String

  /// Creates a named objective.
  public init(
    _ name: String, _ expression: String, version: String = "1", summary: String, citation: String = "",
    documentation: String = ""
  ) {
    self.name = name
    self.expression = expression
    self.version = version
    self.summary = summary
    self.citation = citation
    self.documentation = documentation
  }
}

/// Exports the components of a library. A plugin consists of its components and one function:
///
/// ```swift
/// @c(losskit_plugin_entry_v1)
/// public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
///   Plugin.export(CalDPO.self, error: error)
/// }
/// ```
///
/// The function and the types that its signature names are public: a module with `InternalImportsByDefault` writes `public import LossKit`.
public enum Plugin {
  /// The description of the host that is passed to the function: a `losskit_host`.
  public typealias Host = UnsafeRawPointer?
  /// Where the function writes its error: a `losskit_error`.
  public typealias Problem = UnsafeMutableRawPointer?
  /// What the function returns: a `losskit_plugin`, or nil after writing an error.
  public typealias Entry = UnsafeRawPointer?

  /// The descriptor of a plugin, or nil after writing to `error` what is wrong with a component.
  public static func export(
    _ components: any Component.Type..., objectives: [NamedObjective] = [],
    policies: [any LogProbabilityProvider.Type] = [], error: Problem
  ) -> Entry {
    do {
      let memory = OwnedMemory.lasting()
      let components = try components.map { try descriptor(of: $0, in: memory) }
      let policies = policies.map { descriptor(of: $0, in: memory) }
      let objectives = objectives.map { memory.keep([losskit_objective($0, in: memory)]) }
      let plugin = memory.keep([
        losskit_plugin(
          component_count: components.count, policy_count: policies.count, objective_count: objectives.count,
          components: memory.keepUnlessEmpty(components.map { Optional($0) }),
          policies: memory.keepUnlessEmpty(policies.map { Optional($0) }),
          objectives: memory.keepUnlessEmpty(objectives.map { Optional($0) }), extension: nil)
      ])
      return UnsafeRawPointer(plugin)
    } catch let problem {
      let failure = problem as? Failure ?? Failure("\(problem)")
      failure.write(to: error?.assumingMemoryBound(to: losskit_error.self))
      return nil
    }
  }

  private static func descriptor<C: Component>(
    of type: C.Type, in memory: OwnedMemory
  ) throws -> UnsafePointer<losskit_component> {
    try ComponentExport(ErasedComponent(C.self)).descriptor(in: memory)
  }

  private static func descriptor<P: LogProbabilityProvider>(
    of type: P.Type, in memory: OwnedMemory
  ) -> UnsafePointer<losskit_policy_type> {
    PolicyExport<P>.descriptor(in: memory)
  }
}

extension losskit_objective {
  fileprivate init(_ objective: NamedObjective, in memory: OwnedMemory) {
    self.init(
      name: memory.keep(objective.name), version: memory.keep(objective.version),
      summary: memory.keep(objective.summary), citation: memory.keepUnlessEmpty(objective.citation),
      documentation: memory.keepUnlessEmpty(objective.documentation), expression: memory.keep(objective.expression))
  }
}
