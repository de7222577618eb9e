import CLossKit
import CLossKitForeign
import LossKit
import LossKitSystem

/// A plain function as a plugin component: the descriptor, and the calls prepared with libffi.
///
/// Sendable although it holds pointers: it does not change between `init` and `deinit`.
final class ForeignComponent: @unchecked Sendable {
  /// Where the functions are.
  struct Addresses {
    let function: UnsafeRawPointer
    var gradient: UnsafeRawPointer?
    var userData: UnsafeMutableRawPointer?
  }

  let descriptor: UnsafePointer<losskit_component>
  private let memory: OwnedMemory
  private let function: OpaquePointer
  private let gradient: OpaquePointer?

  /// Prepares a function. Throws for a contradictory declaration.
  init(_ declaration: FunctionDeclaration, _ binding: FunctionBinding, at addresses: Addresses) throws {
    guard let function = Self.prepare(binding.function, binding.functionArguments, addresses.function, addresses) else {
      throw Failure("function: libffi cannot call it on this machine")
    }
    var gradient: OpaquePointer?
    if let prototype = binding.gradient, let address = addresses.gradient {
      gradient = Self.prepare(prototype, binding.gradientArguments, address, addresses)
      guard gradient != nil else {
        losskit_foreign_function_destroy(function)
        throw Failure("gradient: libffi cannot call it on this machine")
      }
    }
    self.function = function
    self.gradient = gradient
    memory = OwnedMemory()
    let plan = Self.plan(binding, function: function, gradient: gradient, name: declaration.name, memory)
    let described = losskit_component(declaration, binding, isNumeric: gradient == nil, plan: plan, memory)
    descriptor = memory.keep([described])
  }

  deinit {
    losskit_foreign_function_destroy(function)
    losskit_foreign_function_destroy(gradient)
  }

  private static func prepare(
    _ prototype: Prototype, _ arguments: [losskit_foreign_argument], _ address: UnsafeRawPointer, _ addresses: Addresses
  ) -> OpaquePointer? {
    losskit_foreign_function_create(
      address, prototype.isBatch ? 1 : 0, prototype.result?.code ?? UInt32(LOSSKIT_C_VOID), arguments, arguments.count,
      addresses.userData)
  }

  private static func plan(
    _ binding: FunctionBinding, function: OpaquePointer, gradient: OpaquePointer?, name: String, _ memory: OwnedMemory
  ) -> UnsafePointer<losskit_foreign_plan> {
    let inputs = binding.inputs
    func place(_ column: Column) -> UInt32 { UInt32(inputs.firstIndex(of: column) ?? 0) }
    let output = binding.function.result ?? binding.function.argument(named: binding.output)?.number
    let values = binding.values.map { bound in
      let isSingle = bound.number == .float || output == .float
      return losskit_foreign_value(
        name: memory.keep(bound.name), input: place(bound.value.column), rank: UInt32(bound.value.rank ?? 0),
        subtracted: bound.value.subtracted.map(place) ?? .max,
        is_differentiable: bound.value.column.isDifferentiable ? 1 : 0, is_single: bound.number == .float ? 1 : 0,
        step: isSingle ? differenceStep(Double(Float.ulpOfOne)) : differenceStep(.ulpOfOne))
    }
    let shown = binding.function.name.isEmpty ? name : binding.function.name
    return memory.keep([
      losskit_foreign_plan(
        name: memory.keep(shown), function: function, gradient: gradient, values: memory.keep(values),
        value_count: values.count)
    ])
  }

  /// The step at which truncation and rounding error are about equal: the cube root of the precision.
  private static func differenceStep(_ precision: Double) -> Double { cbrt(precision) }
}

extension losskit_component {
  fileprivate init(
    _ declaration: FunctionDeclaration, _ binding: FunctionBinding, isNumeric: Bool,
    plan: UnsafePointer<losskit_foreign_plan>, _ memory: OwnedMemory
  ) {
    let isLoss = declaration.kind == .loss
    let inputs = binding.inputs
    let references: UInt32 = inputs.contains { $0.isPerReference } ? 1 : 0
    // Each row is computed independently.
    var flags = UInt32(LOSSKIT_ROWWISE)
    if declaration.isShiftInvariant { flags |= UInt32(LOSSKIT_SHIFT_INVARIANT) }
    if declaration.isZeroAtReference { flags |= UInt32(LOSSKIT_ZERO_AT_REFERENCE) }
    if isNumeric, inputs.contains(where: \.isDifferentiable) { flags |= UInt32(LOSSKIT_NUMERIC_GRADIENT) }
    let reward = declaration.defaultReward ?? (isLoss && inputs.contains(.reward) ? "log-ratio" : nil)
    let parameters = binding.hyperparameters.map { argument in
      memory.keep([losskit_parameter(argument, declaration.hyperparameters[argument.name], memory)])
    }
    let columns = inputs.map { memory.keep([losskit_column($0, memory)]) }
    self.init(
      kind: UInt32(isLoss ? LOSSKIT_LOSS : LOSSKIT_REWARD), flags: flags,
      min_responses: UInt32(clamping: binding.responses.lowerBound),
      max_responses: UInt32(clamping: binding.responses.upperBound), min_references: references,
      max_references: references, name: memory.keep(declaration.name), version: memory.keep(declaration.version),
      summary: memory.keep(declaration.summary), citation: memory.keep(declaration.citation),
      documentation: memory.keep(declaration.documentation), default_reward: reward.map { memory.keep($0) },
      parameter_count: parameters.count, input_count: inputs.count, state_count: 0,
      parameters: memory.keep(parameters.map { Optional($0) }), inputs: memory.keep(columns.map { Optional($0) }),
      state: nil, context: UnsafeRawPointer(plan), compute: losskit_foreign_compute, extension: nil)
  }
}

extension losskit_parameter {
  fileprivate init(
    _ argument: Prototype.Argument, _ note: FunctionDeclaration.HyperparameterNote?, _ memory: OwnedMemory
  ) {
    let note = note ?? .init()
    let isInteger = argument.number?.isInteger ?? false
    var (lower, upper) = (note.minimum, note.maximum)
    if isInteger, let range = argument.number?.range {
      (lower, upper) = (max(lower, range.lowerBound), min(upper, range.upperBound))
    }
    var flags: UInt32 = 0
    if note.isMinimumExcluded { flags |= UInt32(LOSSKIT_LOWER_OPEN) }
    if note.isMaximumExcluded { flags |= UInt32(LOSSKIT_UPPER_OPEN) }
    if note.scalesRewards { flags |= UInt32(LOSSKIT_REWARD_SCALE) }
    self.init(
      name: memory.keep(argument.name), symbol: note.symbol.isEmpty ? nil : memory.keep(note.symbol),
      summary: memory.keep(note.summary), type: UInt32(isInteger ? LOSSKIT_INTEGER : LOSSKIT_REAL), flags: flags,
      initial: argument.initial ?? .nan, lower: lower, upper: upper, choices: nil)
  }
}

extension losskit_column {
  fileprivate init(_ column: Column, _ memory: OwnedMemory) {
    var flags: UInt32 = 0
    if column.isDifferentiable { flags |= UInt32(LOSSKIT_DIFFERENTIABLE) }
    if column.isPerReference { flags |= UInt32(LOSSKIT_PER_REFERENCE) }
    self.init(name: memory.keep(column.name), summary: memory.keep(""), extent: column.extent.rawValue, flags: flags)
  }
}
