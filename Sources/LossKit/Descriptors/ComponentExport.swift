package import CLossKit

/// Makes the descriptor of a component.
package struct ComponentExport {
  private let component: ErasedComponent
  private let values: [Double]
  private let columns: [Column]
  private let graphs: [Graph]
  private let responses: Int
  /// Whether the graphs cover all forms.
  private let isComplete: Bool

  /// Traces the forms that the component can take, at most the first 256. Throws an error of its definition.
  package init(_ component: ErasedComponent) throws {
    self.component = component
    values = component.defaults
    responses = Swift.min(Swift.max(component.responses.lowerBound, 2), component.responses.upperBound)
    var tracer = Tracer(component: component)
    var graphs: [Graph] = []
    let variants = Self.variants(of: values, component.hyperparameters)
    isComplete = variants.isComplete
    for values in variants.values {
      graphs.append(try tracer.trace(responses: responses, references: 1, values: values))
    }
    if let state = component.initialState.firstIndex(where: { $0 == nil }) {
      throw Failure("\(component.name): the initial value of state '\(component.stateNames[state])' must be a number")
    }
    guard tracer.columns.count <= 64 else {
      throw Failure("\(component.name): it reads \(tracer.columns.count) columns; 64 is the most")
    }
    self.graphs = graphs
    columns = tracer.columns.enumerated().map { index, column in
      let isAlwaysRead =
        variants.isComplete && graphs.allSatisfy { $0.inputs(of: $0.outputs).contains { $0.column == index } }
      return Column(
        column.name, per: column.extent, differentiable: column.isDifferentiable,
        optional: column.isOptional || !isAlwaysRead, perReference: column.isPerReference)
    }
  }

  /// The hyperparameters' values for every combination of Booleans and choices, defaults first; at most 256.
  private static func variants(
    of values: [Double], _ hyperparameters: [HyperparameterDescription]
  ) -> (values: [[Double]], isComplete: Bool) {
    var variants = [values]
    for (index, hyperparameter) in hyperparameters.enumerated()
    where hyperparameter.kind == .boolean || hyperparameter.kind == .choice {
      let others = (0...Int(hyperparameter.bounds.upper)).map(Double.init).filter { $0 != values[index] }
      variants += variants.flatMap { variant in
        others.map { value in
          var copy = variant
          copy[index] = value
          return copy
        }
      }
      if variants.count > 256 { return (Array(variants.prefix(256)), false) }
    }
    return (variants, true)
  }

  /// The descriptor, as long as `memory`.
  package func descriptor(in memory: OwnedMemory) throws -> UnsafePointer<losskit_component> {
    let evaluator = makeEvaluator()
    let references = try referenceRange(evaluator)
    let parameters = try zip(component.hyperparameters, values).map { try parameter($0, initial: $1, in: memory) }
    let inputs = columns.map { memory.keep([Self.column($0, in: memory)]) }
    let states = zip(component.stateNames, component.initialState).map { name, initial in
      memory.keep([losskit_state(name: memory.keep(name), initial: initial ?? 0)])
    }
    let descriptor = losskit_component(
      kind: component.kind.rawValue, flags: flags,
      min_responses: UInt32(clamping: component.responses.lowerBound),
      max_responses: UInt32(clamping: component.responses.upperBound),
      min_references: references.min, max_references: references.max,
      name: memory.keep(component.name), version: memory.keep(component.version),
      summary: memory.keep(component.summary), citation: memory.keepUnlessEmpty(component.citation),
      documentation: memory.keepUnlessEmpty(component.documentation),
      default_reward: component.kind == .loss ? component.defaultReward.map { memory.keep($0) } : nil,
      parameter_count: parameters.count, input_count: inputs.count, state_count: states.count,
      parameters: memory.keepUnlessEmpty(parameters.map { Optional($0) }),
      inputs: memory.keepUnlessEmpty(inputs.map { Optional($0) }),
      state: memory.keepUnlessEmpty(states.map { Optional($0) }),
      context: memory.keep(object: evaluator), compute: computeComponent, extension: extendComponent)
    return memory.keep([descriptor])
  }

  private func makeEvaluator() -> GraphEvaluator {
    let (component, columns) = (component, columns)
    return GraphEvaluator(
      name: component.name, kind: component.kind == .loss ? .loss : .reward, columns: columns,
      stateCount: component.stateNames.count,
      isStructural: component.hyperparameters.map { !$0.isSymbolic },
      trace: { responses, references, values in
        var tracer = Tracer(component: component)
        // Columns were declared from the first traces; a host would not supply others.
        tracer.columns = columns
        tracer.isComplete = true
        return try tracer.trace(responses: responses, references: references, values: values)
      })
  }

  private var flags: UInt32 {
    // A flag holds for all forms, because a host cannot tell which one is in use.
    guard isComplete else { return 0 }
    let reward = columns.firstIndex { $0.name == Column.reward.name }
    var flags: UInt32 = 0
    if graphs.allSatisfy(\.isRowwise) { flags |= UInt32(LOSSKIT_ROWWISE) }
    switch component.kind {
    case .loss:
      if graphs.allSatisfy({ $0.isShiftInvariant(reward: reward) }) { flags |= UInt32(LOSSKIT_SHIFT_INVARIANT) }
    case .reward:
      if graphs.allSatisfy({ $0.hasMeaningfulZero(columns: columns) }) { flags |= UInt32(LOSSKIT_ZERO_AT_REFERENCE) }
    }
    return flags
  }

  private func referenceRange(_ evaluator: GraphEvaluator) throws -> (min: UInt32, max: UInt32) {
    // Most components read none and need no second trace.
    guard columns.contains(where: \.isPerReference) else { return (0, 0) }
    let one = graphs.map { $0.referencesRead(columns: columns) }.max() ?? 0
    let many = try evaluator.trace(responses, one + 2, values).referencesRead(columns: columns)
    return (UInt32(one), many > one ? UInt32.max : UInt32(one))
  }

  private func parameter(
    _ hyperparameter: HyperparameterDescription, initial: Double, in memory: OwnedMemory
  ) throws -> UnsafePointer<losskit_parameter> {
    guard hyperparameter.bounds.contains(initial) else {
      throw Failure("\(component.name): the default of '\(hyperparameter.name)', \(initial), is out of its bounds")
    }
    return memory.keep([losskit_parameter(hyperparameter, initial: initial, in: memory)])
  }

  private static func column(_ column: Column, in memory: OwnedMemory) -> losskit_column {
    var flags: UInt32 = 0
    if column.isOptional { flags |= UInt32(LOSSKIT_OPTIONAL) }
    if column.isDifferentiable { flags |= UInt32(LOSSKIT_DIFFERENTIABLE) }
    if column.isPerReference { flags |= UInt32(LOSSKIT_PER_REFERENCE) }
    return losskit_column(
      name: memory.keep(column.name), summary: memory.keep(""), extent: column.extent.rawValue, flags: flags)
  }
}

extension losskit_parameter {
  /// The descriptor of a hyperparameter.
  init(_ hyperparameter: HyperparameterDescription, initial: Double, in memory: OwnedMemory) {
    var flags: UInt32 = 0
    if hyperparameter.bounds.isLowerOpen { flags |= UInt32(LOSSKIT_LOWER_OPEN) }
    if hyperparameter.bounds.isUpperOpen { flags |= UInt32(LOSSKIT_UPPER_OPEN) }
    if hyperparameter.isRewardScale { flags |= UInt32(LOSSKIT_REWARD_SCALE) }
    self.init(
      name: memory.keep(hyperparameter.name), symbol: memory.keepUnlessEmpty(hyperparameter.symbol),
      summary: memory.keep(hyperparameter.summary), type: hyperparameter.kind.rawValue, flags: flags,
      initial: initial, lower: hyperparameter.bounds.lower, upper: hyperparameter.bounds.upper,
      choices: memory.keepUnlessEmpty(hyperparameter.choices.map { Optional(memory.keep($0)) }))
  }
}

/// `compute` of every Swift component.
private func computeComponent(
  _ component: UnsafePointer<losskit_component>?, _ frame: UnsafePointer<losskit_frame>?,
  _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let context = component?.pointee.context, let frame else { throw Failure("compute: NULL argument") }
    let evaluator = Unmanaged<GraphEvaluator>.fromOpaque(context).takeUnretainedValue()
    try FrameEvaluation(evaluator, frame.pointee).run()
  }
}

/// `extension` of every Swift component.
private func extendComponent(
  _ component: UnsafePointer<losskit_component>?, _ id: UnsafePointer<CChar>?
) -> UnsafeRawPointer? {
  guard let id, String(cString: id) == formulaExtensionID else { return nil }
  return formulaExtension.pointer
}

/// The id of the extension that hands over a component's formula.
package let formulaExtensionID = "losskit.formula/1"

private let formulaExtension = PermanentPointer(
  pointer: UnsafeRawPointer(permanent(losskit_formula_extension_v1(trace: traceComponent))))

private func traceComponent(
  _ component: UnsafePointer<losskit_component>?, _ responses: Int, _ references: Int,
  _ parameters: UnsafePointer<Double>?,
  _ receive: (@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<losskit_formula>?) -> Void)?,
  _ context: UnsafeMutableRawPointer?, _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let own = component?.pointee.context, let receive else { throw Failure("trace: NULL argument") }
    let evaluator = Unmanaged<GraphEvaluator>.fromOpaque(own).takeUnretainedValue()
    let values = evaluator.isStructural.indices.map { parameters?[$0] ?? .nan }
    try evaluator.trace(responses, references, values).withEncoded { receive(context, $0) }
  }
}
