import CLossKitForeign
import LossKit

/// The binding of each argument of a function and of its gradient.
struct FunctionBinding {
  /// A number of a row that one argument gets.
  struct Value {
    let name: String
    let number: Prototype.Number
    let value: ArgumentNames.Value
  }

  let kind: LoadedComponent.Kind
  let function: Prototype
  let gradient: Prototype?
  /// The values, in the order of the function's arguments.
  private(set) var values: [Value] = []
  /// The arguments with a default.
  private(set) var hyperparameters: [Prototype.Argument] = []
  /// How many responses a prompt may have.
  private(set) var responses = 1...Int.max
  private(set) var functionArguments: [losskit_foreign_argument] = []
  private(set) var gradientArguments: [losskit_foreign_argument] = []

  private let names: ArgumentNames

  /// Binds the prototypes of a declaration. Throws for a prototype that does not parse, and for an argument that
  /// nothing can be bound to, with its column.
  init(_ declaration: FunctionDeclaration) throws {
    kind = declaration.kind
    names = try ArgumentNames(kind: kind, columns: declaration.columns)
    function = try PrototypeParser.parse(declaration.prototype, subject: "function")
    gradient = try declaration.gradientPrototype.map { try PrototypeParser.parse($0, subject: "gradient") }
    functionArguments = try function.arguments.map { try bind($0) }
    try checkOutput()
    try findResponses()
    if let gradient {
      gradientArguments = try gradient.arguments.map { try bind($0, ofGradient: gradient) }
      try checkDerivatives(gradient)
    }
  }

  /// The columns that are read, each once, in the order of their first use.
  var inputs: [Column] {
    var inputs: [Column] = []
    for value in values.map(\.value) {
      for column in [value.column] + (value.subtracted.map { [$0] } ?? []) where !inputs.contains(column) {
        inputs.append(column)
      }
    }
    return inputs
  }

  /// The name of the argument that the output is written to, if it is not returned.
  var output: String { kind == .loss ? "loss" : "reward" }

  // MARK: The function

  private mutating func bind(_ argument: Prototype.Argument) throws -> losskit_foreign_argument {
    if let shared = try bindShared(argument, in: function) { return shared }
    if argument.name == output, argument.passing == .output {
      return try bound(argument, LOSSKIT_GETS_OUTPUT, in: function)
    }
    if let value = names[argument.name] {
      guard argument.initial == nil else {
        throw function.failure(
          "'\(argument.name)' is a column, and only hyperparameters have a default; leave it out", at: argument.column)
      }
      return try bind(argument, to: value)
    }
    guard argument.initial != nil else { throw unknown(argument) }
    return try bindHyperparameter(argument)
  }

  private mutating func bind(
    _ argument: Prototype.Argument, to value: ArgumentNames.Value
  ) throws -> losskit_foreign_argument {
    try checkInput(argument, in: function)
    guard let number = argument.number else { throw function.failure("it has no type", at: argument.column) }
    guard !value.column.isDifferentiable || !number.isInteger else {
      throw function.failure(
        "'\(argument.name)' carries a gradient, and \(number.rawValue) has none; write "
          + "'\(argument.written(as: argument.passing, number: .double))'", at: argument.column)
    }
    values.append(Value(name: argument.name, number: number, value: value))
    return try bound(argument, LOSSKIT_GETS_VALUE, index: values.count - 1, in: function)
  }

  private mutating func bindHyperparameter(_ argument: Prototype.Argument) throws -> losskit_foreign_argument {
    guard NameRule.isFieldName(argument.name) else {
      throw function.failure(
        "'\(argument.name)' is not a name of a hyperparameter; \(NameRule.fieldRule)", at: argument.column)
    }
    guard argument.number != nil, argument.passing != .output else {
      throw function.failure(
        "hyperparameter '\(argument.name)' is passed as a number or as 'const T *'", at: argument.column)
    }
    hyperparameters.append(argument)
    return try bound(argument, LOSSKIT_GETS_PARAMETER, index: hyperparameters.count - 1, in: function)
  }

  private func unknown(_ argument: Prototype.Argument) -> Failure {
    let others = [Prototype.count, output, Prototype.userData]
    let remark = " A hyperparameter has a default: '\(argument.written(as: .value)) = 0.1'"
    return function.failure(
      unknownNameMessage(argument.name, kind: "argument", known: names.all + others) + remark, at: argument.column)
  }

  private func checkOutput() throws {
    let pointer = function.argument(named: output).flatMap { $0.passing == .output ? $0 : nil }
    switch (function.result, pointer) {
    case (.some, .some(let pointer)):
      throw function.failure(
        "the \(output) is returned and written to '\(output)', too; take 'void' as the result", at: pointer.column)
    case (.some(let number), nil):
      guard !function.isBatch else {
        throw function.failure(
          "in batch form the result is void, and an argument 'double *\(output)' gets the \(output) of each row", at: 1)
      }
      guard !number.isInteger else {
        throw function.failure("invalid type of the \(output); expected double or float", at: 1)
      }
    case (nil, .some): return
    case (nil, nil):
      throw function.failure("it gives no \(output); return it, or add an argument 'double *\(output)'", at: 1)
    }
  }

  private mutating func findResponses() throws {
    guard let first = values.first else {
      throw Failure("function: it reads no column; there are: \(names.all.joined(separator: ", "))")
    }
    guard kind == .loss else { return }
    for value in values where (value.value.rank == nil) != (first.value.rank == nil) {
      let (pair, single) = value.value.rank == nil ? (first.name, value.name) : (value.name, first.name)
      throw function.failure(
        "'\(pair)' is of a pair, '\(single)' of a single response; a loss is of one or the other",
        at: function.argument(named: value.name)?.column ?? 1)
    }
    let count = first.value.rank == nil ? 1 : ArgumentNames.roles.count
    responses = count...count
  }

  // MARK: The gradient

  private func bind(
    _ argument: Prototype.Argument, ofGradient gradient: Prototype
  ) throws -> losskit_foreign_argument {
    if let shared = try bindShared(argument, in: gradient) { return shared }
    if argument.name.hasPrefix(Prototype.derivative), argument.passing == .output {
      return try bindDerivative(argument, in: gradient)
    }
    if let index = values.firstIndex(where: { $0.name == argument.name }) {
      guard argument.initial == nil else {
        throw gradient.failure("'\(argument.name)' is a column; leave the default out", at: argument.column)
      }
      try checkInput(argument, in: gradient)
      return try bound(argument, LOSSKIT_GETS_VALUE, index: index, in: gradient)
    }
    if let index = hyperparameters.firstIndex(where: { $0.name == argument.name }) {
      guard argument.number != nil, argument.passing != .output else {
        throw gradient.failure("'\(argument.name)' is passed as a number or as 'const T *'", at: argument.column)
      }
      guard argument.initial == nil || argument.initial == hyperparameters[index].initial else {
        throw gradient.failure("the default of '\(argument.name)' differs from the function's", at: argument.column)
      }
      return try bound(argument, LOSSKIT_GETS_PARAMETER, index: index, in: gradient)
    }
    let known = function.arguments.map(\.name) + derivatives + [Prototype.count, Prototype.userData]
    throw gradient.failure(
      unknownNameMessage(argument.name, kind: "argument", known: known.filter { $0 != output })
        + " A gradient reads what the function reads and writes 'double *d_NAME'", at: argument.column)
  }

  private var derivatives: [String] {
    values.filter(\.value.column.isDifferentiable).map { Prototype.derivative + $0.name }
  }

  private func bindDerivative(
    _ argument: Prototype.Argument, in gradient: Prototype
  ) throws -> losskit_foreign_argument {
    guard derivatives.contains(argument.name),
      let index = values.firstIndex(where: { Prototype.derivative + $0.name == argument.name })
    else {
      throw gradient.failure(
        unknownNameMessage(argument.name, kind: "derivative", known: derivatives), at: argument.column)
    }
    return try bound(argument, LOSSKIT_GETS_SLOPE, index: index, in: gradient)
  }

  private func checkDerivatives(_ gradient: Prototype) throws {
    guard gradient.result == nil else {
      throw gradient.failure("a gradient returns void; it writes the derivatives to 'double *d_NAME'", at: 1)
    }
    let missing = derivatives.filter { gradient.argument(named: $0) == nil }
    guard missing.isEmpty else {
      let all = missing.map { "'double *\($0)'" }.joined(separator: " and ")
      throw gradient.failure("it lacks an output for every derivative; add \(all)", at: 1)
    }
    guard !derivatives.isEmpty else {
      throw gradient.failure("the function reads nothing that carries a gradient; leave the gradient out", at: 1)
    }
  }

  // MARK: Both

  /// Binds the number of rows and the user data.
  private func bindShared(
    _ argument: Prototype.Argument, in prototype: Prototype
  ) throws -> losskit_foreign_argument? {
    switch argument.name {
    case Prototype.count:
      guard argument.passing != .output, argument.initial == nil, argument.number?.isInteger == true else {
        throw prototype.failure("'n' is the number of rows: write 'size_t n'", at: argument.column)
      }
      return try bound(argument, LOSSKIT_GETS_COUNT, in: prototype)
    case Prototype.userData:
      guard argument.number == nil else {
        throw prototype.failure("write 'void *user_data'", at: argument.column)
      }
      return losskit_foreign_argument(
        role: UInt32(LOSSKIT_GETS_USER_DATA), index: 0, type: UInt32(LOSSKIT_C_POINTER), is_pointer: 0)
    default:
      guard argument.number != nil else {
        throw prototype.failure("only 'user_data' is a pointer to void", at: argument.column)
      }
      return nil
    }
  }

  private func checkInput(_ argument: Prototype.Argument, in prototype: Prototype) throws {
    guard argument.passing != .output else {
      throw prototype.failure(
        "'\(argument.name)' is read; write '\(argument.written(as: prototype.isBatch ? .input : .value))'",
        at: argument.column)
    }
    guard !prototype.isBatch || argument.passing == .input else {
      throw prototype.failure(
        "with 'n' there is a '\(argument.name)' for each row; write '\(argument.written(as: .input))'",
        at: argument.column)
    }
  }

  private func bound(
    _ argument: Prototype.Argument, _ role: Int, index: Int = 0, in prototype: Prototype
  ) throws -> losskit_foreign_argument {
    if argument.passing == .output, argument.number?.isInteger == true {
      throw prototype.failure(
        "invalid type of '\(argument.name)'; expected '\(argument.written(as: .output, number: .double))'",
        at: argument.column)
    }
    return losskit_foreign_argument(
      role: UInt32(role), index: UInt32(index), type: argument.code, is_pointer: argument.passing == .value ? 0 : 1)
  }
}
