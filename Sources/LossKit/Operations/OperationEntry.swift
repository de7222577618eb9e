import CLossKitKernels

/// All that LossKit knows of one operation: used by the plain evaluator, the compiler, differentiation, the notations, the text language
/// and the exporters.
package final class OperationEntry: Sendable {
  package typealias Value = @Sendable (_ a: Double, _ b: Double, _ c: Double) -> Double
  package typealias Rule = @Sendable (DerivativeTerms) -> DerivativeTerm

  package let operation: Operation
  /// Its name in Swift.
  package let name: String
  /// Its name in formulas given as text, and in JSON.
  package let text: String
  package let arity: Int
  /// The number of its kernel.
  package let kernel: UInt32
  package let isBatch, isCommutative: Bool
  /// Whether its value at a row depends only on the operands' values at that row.
  let isElementwise: Bool
  /// Whether its value is finite for all operands except NaN.
  package let isBounded: Bool
  /// The value, computed with the C library.
  let value: Value
  /// The contribution of the result's gradient to each operand's; nil for none.
  let rules: [Rule?]
  /// The distance of the operands from the nearest point without a slope (a kink, a jump, an end of the domain); negative outside of it.
  package let kinkDistance: Value
  /// Its spelling in each notation.
  package let plain, swift, latex: Spelling
  /// Its spelling in exported code; nil if code never contains it.
  package let code: CodeSpelling?

  private init(
    _ operation: Operation, _ name: String, text: String?, arity: Int, kernel: Int, isBatch: Bool,
    isSegment: Bool = false,
    isCommutative: Bool, isBounded: Bool, value: @escaping Value, rules: [Rule?], kinkDistance: Value?,
    plain: Spelling?, swift: Spelling?,
    latex: Spelling?, code: CodeSpelling?
  ) {
    self.operation = operation
    self.name = name
    self.text = text ?? name
    self.arity = arity
    self.kernel = UInt32(kernel)
    self.isBatch = isBatch
    self.isCommutative = isCommutative
    isElementwise = arity > 0 && !isBatch && !isSegment
    self.isBounded = isBounded
    self.value = value
    self.rules = rules
    self.kinkDistance = kinkDistance ?? { _, _, _ in .infinity }
    self.plain = plain ?? .call(self.text, arity)
    self.swift = swift ?? .call(name, arity)
    self.latex = latex ?? .call(#"\operatorname{\#(name)}"#, arity)
    self.code = code
  }

  /// A node without operands. The evaluator supplies its value.
  static func leaf(
    _ operation: Operation, _ name: String, text: String? = nil, isBounded: Bool = true, plain: Spelling? = nil,
    swift: Spelling? = nil, latex: Spelling? = nil
  ) -> OperationEntry {
    OperationEntry(
      operation, name, text: text, arity: 0, kernel: LOSSKIT_KERNEL_COPY, isBatch: false, isCommutative: false,
      isBounded: isBounded, value: { _, _, _ in .nan }, rules: [], kinkDistance: nil, plain: plain, swift: swift,
      latex: latex, code: nil)
  }

  /// A function of one variable. `slope` is its derivative; without one, `rule` is the contribution to the operand's gradient.
  static func unary(
    _ operation: Operation, _ name: String, text: String? = nil, kernel: Int, isBounded: Bool = false,
    value: @escaping @Sendable (Double) -> Double, slope: Rule? = nil, rule: Rule? = nil,
    kinkDistance: (@Sendable (Double) -> Double)? = nil, plain: Spelling? = nil, swift: Spelling? = nil,
    latex: Spelling? = nil, code: CodeSpelling? = nil
  ) -> OperationEntry {
    var rule = rule
    if let slope { rule = { .annihilate($0.gradient, slope($0)) } }
    var distance: Value?
    if let kinkDistance { distance = { a, _, _ in kinkDistance(a) } }
    return OperationEntry(
      operation, name, text: text, arity: 1, kernel: kernel, isBatch: false, isCommutative: false,
      isBounded: isBounded, value: { a, _, _ in value(a) }, rules: [rule], kinkDistance: distance, plain: plain,
      swift: swift, latex: latex, code: code)
  }

  /// A function of two variables. `rules` are the contributions to each operand's gradient.
  static func binary(
    _ operation: Operation, _ name: String, kernel: Int, isCommutative: Bool = false,
    value: @escaping @Sendable (Double, Double) -> Double, rules: [Rule?] = [],
    kinkDistance: (@Sendable (Double, Double) -> Double)? = nil, plain: Spelling? = nil, swift: Spelling? = nil,
    latex: Spelling? = nil, code: CodeSpelling? = nil
  ) -> OperationEntry {
    var distance: Value?
    if let kinkDistance { distance = { a, b, _ in kinkDistance(a, b) } }
    return OperationEntry(
      operation, name, text: nil, arity: 2, kernel: kernel, isBatch: false, isCommutative: isCommutative,
      isBounded: false, value: { a, b, _ in value(a, b) }, rules: rules, kinkDistance: distance, plain: plain,
      swift: swift, latex: latex, code: code)
  }

  /// A function of three variables.
  static func ternary(
    _ operation: Operation, _ name: String, kernel: Int, value: @escaping Value, rules: [Rule?], kinkDistance: Value?,
    latex: Spelling, code: CodeSpelling?
  ) -> OperationEntry {
    OperationEntry(
      operation, name, text: nil, arity: 3, kernel: kernel, isBatch: false, isCommutative: false, isBounded: false,
      value: value, rules: rules, kinkDistance: kinkDistance, plain: nil, swift: nil, latex: latex, code: code)
  }

  /// A function of a value at all prompts. The evaluators compute it between two stages of a program.
  static func batch(
    _ operation: Operation, _ name: String, text: String, arity: Int = 1, latex: Spelling, code: CodeSpelling
  ) -> OperationEntry {
    OperationEntry(
      operation, name, text: text, arity: arity, kernel: LOSSKIT_KERNEL_COPY, isBatch: true, isCommutative: false,
      isBounded: false, value: { _, _, _ in .nan }, rules: [], kinkDistance: nil, plain: nil, swift: nil,
      latex: latex, code: code)
  }

  /// A function of the values of a segment's rows. The evaluators compute it.
  static func segment(_ operation: Operation, _ name: String, arity: Int = 1) -> OperationEntry {
    OperationEntry(
      operation, name, text: nil, arity: arity, kernel: LOSSKIT_KERNEL_COPY, isBatch: false, isSegment: true,
      isCommutative: false, isBounded: false, value: { _, _, _ in .nan }, rules: [], kinkDistance: nil, plain: nil,
      swift: nil, latex: nil, code: nil)
  }
}
