package import CLossKit
package import LossKit

/// A call of a component through its C descriptor, as a host makes it.
///
/// Sendable although it holds a pointer: descriptors never change and live as long as the process.
package struct ComponentCall: @unchecked Sendable {
  /// The results of a call.
  package struct Result: Sendable {
    /// The loss of each prompt, or the reward of each response.
    package var output: [Double]
    /// The gradients by column, for the columns that the component differentiates.
    package var gradients: [String: [Double]]
    /// The state after the call.
    package var state: [Double]
  }

  /// The component.
  package let component: UnsafePointer<losskit_component>
  /// G, K and R.
  package var prompts, responses, references: Int
  /// The number of responses of each prompt; nil: K.
  package var counts: [UInt32]?
  /// The start of each response's tokens.
  package var tokenOffsets: [Int]?
  /// The hyperparameters, in declared order.
  package var parameters: [Double]
  /// The state before the call.
  package var state: [Double]
  /// The seed of the call.
  package var seed: UInt64 = 0
  /// The columns by name.
  package var inputs: [String: [Double]] = [:]
  /// The cotangent of each output; nil: no gradients.
  package var cotangent: [Double]?
  /// Differentiable columns whose gradient is not requested.
  package var unwanted: Set<String> = []
  /// Whether the caller passes a buffer for the error message.
  package var takesError = true
  /// The memory layout of the arrays.
  package var placement = CallPlacement.apart(shift: 0)
  /// The contents of outputs and gradients before the call: NaN, so that unwritten values stay NaN.
  package var fill = Double.nan

  /// A call with the component's defaults and no columns yet.
  package init(
    _ component: UnsafePointer<losskit_component>, prompts: Int, responses: Int = 2, references: Int = 1
  ) {
    self.component = component
    self.prompts = prompts
    self.responses = responses
    self.references = references
    let declared = component.pointee
    parameters = (0..<declared.parameter_count).map { declared.parameters[$0]?.pointee.initial ?? .nan }
    state = (0..<declared.state_count).map { declared.state[$0]?.pointee.initial ?? .nan }
  }

  /// The columns that the component declares.
  package var columns: [(name: String, column: losskit_column)] {
    (0..<component.pointee.input_count).compactMap { index in
      component.pointee.inputs[index].map { (String(cString: $0.pointee.name), $0.pointee) }
    }
  }

  /// Calls `body` with the shape of the call's batch.
  package func withShape<Answer>(_ body: (BatchShape) throws -> Answer) rethrows -> Answer {
    try BatchShape.with(
      prompts: prompts, responses: responses, references: references, counts: counts, tokenOffsets: tokenOffsets, body)
  }

  /// The number of entries of a column in this batch.
  package func count(of column: losskit_column) -> Int {
    withShape { $0.count(per: column.per, isPerReference: column.flags & UInt32(LOSSKIT_PER_REFERENCE) != 0) }
  }

  /// Over what the component has its outputs.
  package var outputExtent: Column.Extent { component.pointee.kind == UInt32(LOSSKIT_LOSS) ? .prompt : .response }

  /// The number of outputs.
  package var outputCount: Int { withShape { $0.count(per: outputExtent) } }

  /// Calls `compute`. Throws the error that it reports.
  package func run() throws -> Result {
    guard let compute = component.pointee.compute else { throw Failure("the component has no function compute") }
    return try run { frame in
      var frame = frame
      var error = losskit_error()
      error.prompt = -1
      let status = takesError ? compute(component, &frame, &error) : compute(component, &frame, nil)
      guard status != 0 else { return }
      let text = withUnsafeBytes(of: &error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw Failure(text, prompt: error.prompt < 0 ? nil : Int(error.prompt))
    }
  }

  /// Passes the call's frame to a closure, and returns what it wrote.
  package func run(_ answer: (losskit_frame) throws -> Void) throws -> Result {
    let memory = CallMemory(placement)
    let columns = columns
    let gradients = try columns.map { name, column in
      isWanted(name, column) ? try memory.output([Double](repeating: fill, count: count(of: column))) : nil
    }
    let pointers = try columns.map { name, _ in
      try inputs[name].map { UnsafePointer(try memory.input($0, as: Self.array(ofColumn: name))) }
    }
    let output = try memory.output([Double](repeating: fill, count: outputCount))
    let after = try memory.output(state)
    let frame = losskit_frame(
      prompts: prompts, responses: responses, references: references,
      counts: try counts.map { UnsafePointer(try memory.input($0, as: "counts")) },
      token_offsets: try tokenOffsets.map { UnsafePointer(try memory.input($0, as: "token_offsets")) },
      parameters: try memory.input(parameters, as: "parameters"), state: after, seed: seed,
      inputs: try memory.input(pointers, as: "inputs", beyond: UnsafePointer(CallMemory.spare)), output: output,
      cotangent: try cotangent.map { UnsafePointer(try memory.input($0, as: "cotangent")) },
      gradients: cotangent == nil
        ? nil : UnsafePointer(try memory.input(gradients, as: "gradients", beyond: CallMemory.spare)))
    memory.seal()
    try answer(frame)
    var named: [String: [Double]] = [:]
    for (index, column) in columns.enumerated() {
      if let gradient = gradients[index] {
        named[column.name] = Array(UnsafeBufferPointer(start: gradient, count: count(of: column.column)))
      }
    }
    return withExtendedLifetime(memory) {
      Result(
        output: Array(UnsafeBufferPointer(start: output, count: outputCount)), gradients: named,
        state: Array(UnsafeBufferPointer(start: after, count: state.count)))
    }
  }

  private func isWanted(_ name: String, _ column: losskit_column) -> Bool {
    cotangent != nil && column.flags & UInt32(LOSSKIT_DIFFERENTIABLE) != 0 && !unwanted.contains(name)
  }

  /// The names of the arrays that the call reads, for `CallPlacement.guardingInput`.
  package var readArrays: [String] {
    (counts == nil ? [] : ["counts"]) + (tokenOffsets == nil ? [] : ["token_offsets"]) + ["parameters", "inputs"]
      + (cotangent == nil ? [] : ["cotangent", "gradients"])
      + columns.filter { inputs[$0.name] != nil }.map { Self.array(ofColumn: $0.name) }
  }

  private static func array(ofColumn name: String) -> String { "column '\(name)'" }
}
