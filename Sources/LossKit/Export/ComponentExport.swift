import CLossKit

/// Turns a component into its descriptor.
struct ComponentExport<C: Component> {
  private let values: [Double]
  private let columns: [Column]
  private let graphs: [Graph]
  private let responses: Int

  /// Traces every form the component can take. Throws what is wrong with it.
  init() throws {
    let component = C()
    values = C.hyperparameters.map { $0.initial(component) }
    responses = Swift.min(Swift.max(C.form.responses.lowerBound, 2), C.form.responses.upperBound)
    var tracer = Tracer<C>()
    var graphs: [Graph] = []
    for values in Self.variants(of: values) {
      graphs.append(try tracer.trace(responses: responses, references: 1, values: values))
    }
    for state in C.state where state.get(component).constantValue == nil {
      throw Failure("\(C.name): state '\(state.name)' has to start as a number")
    }
    guard tracer.columns.count <= 64 else {
      throw Failure("\(C.name): it reads \(tracer.columns.count) columns; 64 is the most")
    }
    self.graphs = graphs
    columns = tracer.columns.enumerated().map { index, column in
      let isAlwaysRead = graphs.allSatisfy { $0.inputs(of: $0.outputs).contains { $0.column == index } }
      return Column(
        column.name, per: column.extent, differentiable: column.isDifferentiable,
        optional: column.isOptional || !isAlwaysRead, perReference: column.isPerReference)
    }
  }

  /// The values of the hyperparameters in every combination of the Booleans and choices, the defaults first.
  private static func variants(of values: [Double]) -> [[Double]] {
    var variants = [values]
    for (index, hyperparameter) in C.hyperparameters.enumerated()
    where hyperparameter.kind == .boolean || hyperparameter.kind == .choice {
      let others = (0...Int(hyperparameter.bounds.upper)).map(Double.init).filter { $0 != values[index] }
      variants += variants.flatMap { variant in
        others.map { value in
          var copy = variant
          copy[index] = value
          return copy
        }
      }
      if variants.count > 256 { return Array(variants.prefix(256)) }
    }
    return variants
  }

  func descriptor() throws -> UnsafePointer<losskit_component> {
    let evaluator = makeEvaluator()
    let references = try referenceRange(evaluator)
    let parameters = try zip(C.hyperparameters, values).map { try Self.parameter($0, initial: $1) }
    let inputs = columns.map { permanent(Self.column($0)) }
    let component = C()
    let states = C.state.map { state in
      permanent(losskit_state(name: permanentString(state.name), initial: state.get(component).constantValue ?? 0))
    }
    let form = C.form
    let descriptor = losskit_component(
      kind: form.kind.rawValue, flags: flags,
      min_responses: UInt32(clamping: form.responses.lowerBound),
      max_responses: UInt32(clamping: form.responses.upperBound),
      min_references: references.min, max_references: references.max,
      name: permanentString(C.name), version: permanentString(C.version), summary: permanentString(C.summary),
      citation: permanentString(C.citation, emptyIsNull: true),
      documentation: permanentString(C.documentation, emptyIsNull: true),
      default_reward: form.kind == .loss ? C.defaultReward.flatMap { permanentString($0) } : nil,
      parameter_count: parameters.count, input_count: inputs.count, state_count: states.count,
      parameters: permanentArray(parameters.map { Optional($0) }), inputs: permanentArray(inputs.map { Optional($0) }),
      state: permanentArray(states.map { Optional($0) }),
      context: UnsafeRawPointer(Unmanaged.passRetained(evaluator).toOpaque()),
      compute: computeComponent, extension: extendComponent)
    return permanent(descriptor)
  }

  private func makeEvaluator() -> GraphEvaluator {
    let columns = columns
    return GraphEvaluator(
      name: C.name, kind: C.form.kind == .loss ? .loss : .reward, columns: columns, stateCount: C.state.count,
      isStructural: C.hyperparameters.map { !$0.isSymbolic },
      trace: { responses, references, values in
        var tracer = Tracer<C>()
        // Columns were declared from the first traces; what a formula reads beyond them nobody would supply.
        tracer.columns = columns
        tracer.isComplete = true
        return try tracer.trace(responses: responses, references: references, values: values)
      })
  }

  private var flags: UInt32 {
    let reward = columns.firstIndex { $0.name == Column.reward.name }
    var flags: UInt32 = 0
    if graphs.allSatisfy(\.isRowwise) { flags |= UInt32(LOSSKIT_ROWWISE) }
    switch C.form.kind {
    case .loss:
      if graphs.allSatisfy({ $0.isShiftInvariant(reward: reward) }) { flags |= UInt32(LOSSKIT_SHIFT_INVARIANT) }
    case .reward:
      if graphs.allSatisfy({ $0.isZeroAtReference(columns: columns) }) { flags |= UInt32(LOSSKIT_ZERO_AT_REFERENCE) }
    }
    return flags
  }

  private func referenceRange(_ evaluator: GraphEvaluator) throws -> (min: UInt32, max: UInt32) {
    let one = graphs.map { $0.referencesRead(columns: columns) }.max() ?? 0
    let many = try evaluator.trace(responses, one + 2, values).referencesRead(columns: columns)
    return (UInt32(one), many > one ? UInt32.max : UInt32(one))
  }

  private static func parameter(
    _ hyperparameter: Hyperparameter<C>, initial: Double
  ) throws -> UnsafePointer<losskit_parameter> {
    guard hyperparameter.bounds.contains(initial) else {
      throw Failure("\(C.name): the default of '\(hyperparameter.name)', \(initial), is out of its bounds")
    }
    return permanent(losskit_parameter(hyperparameter, initial: initial))
  }

  private static func column(_ column: Column) -> losskit_column {
    var flags: UInt32 = 0
    if column.isOptional { flags |= UInt32(LOSSKIT_OPTIONAL) }
    if column.isDifferentiable { flags |= UInt32(LOSSKIT_DIFFERENTIABLE) }
    if column.isPerReference { flags |= UInt32(LOSSKIT_PER_REFERENCE) }
    return losskit_column(
      name: permanentString(column.name), summary: permanentString(""), extent: column.extent.rawValue, flags: flags)
  }
}

extension losskit_parameter {
  /// A hyperparameter's descriptor.
  init<Root>(_ hyperparameter: Hyperparameter<Root>, initial: Double) {
    var flags: UInt32 = 0
    if hyperparameter.bounds.isLowerOpen { flags |= UInt32(LOSSKIT_LOWER_OPEN) }
    if hyperparameter.bounds.isUpperOpen { flags |= UInt32(LOSSKIT_UPPER_OPEN) }
    if hyperparameter.isRewardScale { flags |= UInt32(LOSSKIT_REWARD_SCALE) }
    self.init(
      name: permanentString(hyperparameter.name),
      symbol: permanentString(hyperparameter.symbol, emptyIsNull: true),
      summary: permanentString(hyperparameter.summary), type: hyperparameter.kind.rawValue, flags: flags,
      initial: initial, lower: hyperparameter.bounds.lower, upper: hyperparameter.bounds.upper,
      choices: permanentArray(hyperparameter.choices.map { permanentString($0) }))
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

/// A descriptor that is never written after it is made.
private struct PermanentPointer: @unchecked Sendable {
  // Sendable because what it points to is constant for the life of the process.
  let pointer: UnsafeRawPointer
}

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
