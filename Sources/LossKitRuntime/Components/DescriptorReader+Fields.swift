import CLossKit
import LossKit

extension DescriptorReader {
  /// The declared hyperparameters. Throws for a default outside its bounds, for equal names, and for two that scale the
  /// rewards.
  func parameters(
    _ array: UnsafePointer<UnsafePointer<losskit_parameter>?>?, count: Int
  ) throws -> [ParameterDescription] {
    let parameters = try elements(array, count: count, "parameters").map { try parameter($0.pointee) }
    try checkDistinct(parameters.map(\.name), "parameter")
    guard parameters.count(where: \.isRewardScale) <= 1 else {
      throw failure("more than one of its parameters is marked as the reward scale")
    }
    return parameters
  }

  /// The declared columns, each with its summary.
  func columns(
    _ array: UnsafePointer<UnsafePointer<losskit_column>?>?, count: Int
  ) throws -> [(column: Column, summary: String)] {
    let columns = try elements(array, count: count, "columns").map { try column($0.pointee) }
    try checkDistinct(columns.map(\.column.name), "column")
    return columns
  }

  private func column(_ declared: losskit_column) throws -> (column: Column, summary: String) {
    let name = try fieldName(declared.name, "column")
    let reader = within("column '\(name)'")
    let flags = declared.flags
    try reader.checkFlags(
      flags, known: Int32(LOSSKIT_OPTIONAL), Int32(LOSSKIT_DIFFERENTIABLE), Int32(LOSSKIT_PER_REFERENCE))
    guard let extent = Column.Extent(rawValue: declared.extent) else {
      throw reader.failure("its extent is \(declared.extent); 0, 1 and 2 are known")
    }
    let column = Column(
      name, per: extent, differentiable: flags.has(LOSSKIT_DIFFERENTIABLE), optional: flags.has(LOSSKIT_OPTIONAL),
      perReference: flags.has(LOSSKIT_PER_REFERENCE))
    return (column, try reader.text(declared.summary, "summary"))
  }

  private func parameter(_ declared: losskit_parameter) throws -> ParameterDescription {
    let name = try fieldName(declared.name, "parameter")
    let reader = within("parameter '\(name)'")
    let flags = declared.flags
    try reader.checkFlags(
      flags, known: Int32(LOSSKIT_LOWER_OPEN), Int32(LOSSKIT_UPPER_OPEN), Int32(LOSSKIT_REWARD_SCALE))
    guard let kind = ParameterDescription.Kind(rawValue: declared.type) else {
      throw reader.failure("its type is \(declared.type); 0 to 3 are known")
    }
    let parameter = ParameterDescription(
      name: name, symbol: try reader.optionalText(declared.symbol, "symbol") ?? name,
      summary: try reader.text(declared.summary, "summary"), kind: kind, initial: declared.initial,
      bounds: Bounds(
        declared.lower, declared.upper,
        isLowerOpen: flags.has(LOSSKIT_LOWER_OPEN) || declared.lower == -.infinity,
        isUpperOpen: flags.has(LOSSKIT_UPPER_OPEN) || declared.upper == .infinity),
      choices: kind == .choice ? try reader.choices(declared) : [], isRewardScale: flags.has(LOSSKIT_REWARD_SCALE))
    try reader.check(parameter)
    return parameter
  }

  private func choices(_ declared: losskit_parameter) throws -> [String] {
    guard declared.lower == 0, let last = Int(exactly: declared.upper), (0..<256).contains(last) else {
      throw failure("the bounds of a choice are 0 and the index of its last name")
    }
    guard let array = declared.choices else { throw failure("it is a choice, but its names are null") }
    let names = try (0...last).map { index in
      let name = try text(array[index], "choice \(index)")
      guard NameRule.isWord(name) else {
        throw failure("'\(name)' is not a word; a choice is letters, digits, '-' and '_', a letter first")
      }
      return name
    }
    try checkDistinct(names, "choice")
    return names
  }

  private func check(_ parameter: ParameterDescription) throws {
    let bounds = parameter.bounds
    guard bounds.lower <= bounds.upper else { throw failure("its bounds are \(bounds.lower) and \(bounds.upper)") }
    if parameter.kind == .boolean, bounds.lower != 0 || bounds.upper != 1 {
      throw failure("the bounds of a Boolean are 0 and 1")
    }
    if parameter.isRewardScale, parameter.kind != .real {
      throw failure("it is marked as the reward scale, but it is not a real number")
    }
    do {
      try parameter.check(parameter.initial)
    } catch {
      throw failure("its default is out of bounds: \(error)")
    }
  }
}

extension UInt32 {
  /// Whether a flag of the header is set.
  func has(_ flag: some BinaryInteger) -> Bool { self & UInt32(truncatingIfNeeded: flag) != 0 }
}
