package import CLossKit
public import LossKit

/// A loss or a reward parameterization of an opened library.
///
/// Sendable although it holds a pointer: the descriptor never changes and stays valid as long as this object, and its
/// functions may be called from any thread (the plugin ABI guarantees it).
public final class LoadedComponent: @unchecked Sendable {
  /// The kinds of components.
  public enum Kind: String, Sendable, CaseIterable {
    /// A loss per prompt.
    case loss
    /// A reward per response.
    case reward
  }

  /// The kind of the component.
  public let kind: Kind
  /// The name it is found by.
  public let name: String
  /// The version of the component.
  public let version: String
  /// A summary in one sentence.
  public let summary: String
  /// Paper and equation; empty if not given.
  public let citation: String
  /// Paragraphs that follow the summary; empty if there are none.
  public let documentation: String
  /// A loss's parameterization if the objective names none; nil for a reward and for a loss that reads no reward.
  public let defaultReward: String?
  /// The hyperparameters, in declared order.
  public let parameters: [ParameterDescription]
  /// The columns it reads, in declared order.
  public let inputs: [Column]
  /// One sentence on each of `inputs`.
  public let inputSummaries: [String]
  /// The names of the numbers it carries from one training step to the next.
  public let stateNames: [String]
  /// The initial state.
  public let initialState: [Double]
  /// Whether a prompt's output depends only on that prompt, so that a batch may be split.
  public let isRowwise: Bool
  /// Loss: whether adding one constant per prompt to all its rewards does not change it.
  public let isShiftInvariant: Bool
  /// Reward: whether it is 0 if the policy's log-probabilities equal the reference's.
  public let isZeroAtReference: Bool
  /// Whether its gradients are finite differences, not exact.
  public let hasNumericGradient: Bool
  /// How many responses a prompt may have; the upper bound is `Int.max` if there is no limit.
  public let responses: ClosedRange<Int>
  /// How many references it can use; the upper bound is `Int.max` if there is no limit.
  public let references: ClosedRange<Int>
  /// The file it comes from.
  public let library: String
  /// The formula in an objective's text that it was made from; nil for a library's component.
  public let text: String?
  /// The files of its code: its library, or a manifest and the library of its function; empty for a formula given as
  /// text, and for code generated at run time.
  public let files: [OpenedFile]
  /// Identifies its code among other code of the same files.
  let codeName: String

  /// The plugin's own descriptor, to call it with.
  package let descriptor: UnsafePointer<losskit_component>
  /// The owner of the descriptor; nil if it stays valid until the process ends.
  let owner: AnyObject?

  /// The parameter that metrics multiply the reward by, if any.
  public var rewardScale: ParameterDescription? { parameters.first(where: \.isRewardScale) }

  /// Reads and checks a descriptor: one that a library declares, that was made from a formula's `text`, or that belongs
  /// to `owner`. `codeName` identifies its code among other code of the same files; nil: kind and name.
  init(
    _ descriptor: UnsafePointer<losskit_component>, library: String, text: String? = nil, owner: AnyObject? = nil,
    files: [OpenedFile] = [], codeName: String? = nil
  ) throws {
    let declared = descriptor.pointee
    let outer = DescriptorReader(place: library)
    let name = try outer.componentName(declared.name)
    let kind: Kind
    switch declared.kind {
    case UInt32(LOSSKIT_LOSS): kind = .loss
    case UInt32(LOSSKIT_REWARD): kind = .reward
    default: throw outer.within(name).failure("its kind is \(declared.kind); 1 (loss) and 2 (reward) are known")
    }
    // The raw value, since printing the case itself has the Swift runtime search every open library each time.
    let reader = outer.within("\(kind.rawValue) '\(name)'")
    try reader.checkFlags(
      declared.flags, known: Int32(LOSSKIT_ROWWISE), Int32(LOSSKIT_SHIFT_INVARIANT),
      Int32(LOSSKIT_ZERO_AT_REFERENCE), Int32(LOSSKIT_NUMERIC_GRADIENT))
    guard declared.compute != nil else { throw reader.failure("its function compute is null") }
    let columns = try reader.columns(declared.inputs, count: declared.input_count)
    let state = try reader.state(declared.state, count: declared.state_count)

    self.descriptor = descriptor
    self.owner = owner
    self.library = library
    self.text = text
    self.files = files
    self.codeName = codeName ?? "\(kind.rawValue) \(name)"
    self.kind = kind
    self.name = name
    version = try reader.text(declared.version, "version")
    summary = try reader.text(declared.summary, "summary")
    citation = try reader.optionalText(declared.citation, "citation") ?? ""
    documentation = try reader.optionalText(declared.documentation, "documentation") ?? ""
    defaultReward = try reader.defaultReward(declared, kind: kind, inputs: columns.map(\.column.name))
    parameters = try reader.parameters(declared.parameters, count: declared.parameter_count)
    inputs = columns.map(\.column)
    inputSummaries = columns.map(\.summary)
    stateNames = state.map(\.name)
    initialState = state.map(\.initial)
    // A reward is rowwise, unless its formula draws random numbers; without a formula it need not declare it.
    isRowwise =
      declared.flags.has(LOSSKIT_ROWWISE)
      || (kind == .reward && Self.extensionPointer(formulaExtensionID, of: descriptor) == nil)
    isShiftInvariant = declared.flags.has(LOSSKIT_SHIFT_INVARIANT)
    isZeroAtReference = declared.flags.has(LOSSKIT_ZERO_AT_REFERENCE)
    hasNumericGradient = declared.flags.has(LOSSKIT_NUMERIC_GRADIENT)
    responses = try reader.range(declared.min_responses, declared.max_responses, "responses", least: 1)
    references = try reader.range(declared.min_references, declared.max_references, "references", least: 0)
  }

  /// An extension of the component by id; nil if it has none by that id.
  package func extensionPointer(_ id: String) -> UnsafeRawPointer? {
    PluginCall.track(name, of: library) { Self.extensionPointer(id, of: descriptor) }
  }

  private static func extensionPointer(
    _ id: String, of descriptor: UnsafePointer<losskit_component>
  ) -> UnsafeRawPointer? {
    descriptor.pointee.extension.flatMap { lookup in id.withCString { lookup(descriptor, $0) } }
  }
}

extension DescriptorReader {
  fileprivate func state(
    _ array: UnsafePointer<UnsafePointer<losskit_state>?>?, count: Int
  ) throws -> [(name: String, initial: Double)] {
    let state = try elements(array, count: count, "states").map { entry in
      let name = try fieldName(entry.pointee.name, "state")
      guard entry.pointee.initial.isFinite else { throw failure("the initial value of state '\(name)' is not finite") }
      return (name, entry.pointee.initial)
    }
    try checkDistinct(state.map(\.0), "state")
    return state
  }

  fileprivate func defaultReward(
    _ declared: losskit_component, kind: LoadedComponent.Kind, inputs: [String]
  ) throws -> String? {
    let name = try optionalText(declared.default_reward, "default reward")
    guard kind == .loss else {
      guard name == nil, !inputs.contains("reward") else { throw failure("a reward cannot be made from a reward") }
      return nil
    }
    if let name, !NameRule.isComponentName(name) {
      throw failure("its default reward '\(name)' is not a name; \(NameRule.componentRule)")
    }
    guard name != nil || !inputs.contains("reward") else {
      throw failure("it reads the reward, but names no default parameterization")
    }
    return name
  }

  fileprivate func range(_ low: UInt32, _ high: UInt32, _ field: String, least: UInt32) throws -> ClosedRange<Int> {
    guard low >= least, low <= high else { throw failure("it claims to take \(low) to \(high) \(field)") }
    return Int(low)...(high == .max ? Int.max : Int(high))
  }
}
