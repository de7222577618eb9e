public import CLossKit
import LossKit

/// A call of a component through its C descriptor, as a host makes it.
///
/// Sendable, although it holds a pointer: descriptors never change and stay valid as long as the process.
public struct ComponentCall: @unchecked Sendable {
  /// What the call returned.
  public struct Result: Sendable {
    /// The loss of each prompt, or the reward of each response.
    public var output: [Double]
    /// By column; those that the component differentiates.
    public var gradients: [String: [Double]]
    /// The state after the call.
    public var state: [Double]
  }

  /// The component.
  public let component: UnsafePointer<losskit_component>
  /// G, K and R.
  public var prompts, responses, references: Int
  /// The responses each prompt has; nil: K.
  public var counts: [UInt32]?
  /// Where each response's tokens start.
  public var tokenOffsets: [Int]?
  /// The hyperparameters, in declared order.
  public var parameters: [Double]
  /// The state before the call.
  public var state: [Double]
  /// The seed of the call.
  public var seed: UInt64 = 0
  /// The columns by name.
  public var inputs: [String: [Double]] = [:]
  /// The factor of each output's derivative; nil: no gradients.
  public var cotangent: [Double]?

  /// A call with the defaults of the component, without columns as yet.
  public init(
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
  public var columns: [(name: String, column: losskit_column)] {
    (0..<component.pointee.input_count).compactMap { index in
      component.pointee.inputs[index].map { (String(cString: $0.pointee.name), $0.pointee) }
    }
  }

  /// The number of entries of a column in this batch.
  public func count(of column: losskit_column) -> Int {
    let extent =
      switch column.extent {
      case UInt32(LOSSKIT_PER_PROMPT): prompts
      case UInt32(LOSSKIT_PER_RESPONSE): prompts * responses
      default: tokenOffsets?.last ?? 0
      }
    return column.flags & UInt32(LOSSKIT_PER_REFERENCE) == 0 ? extent : extent * references
  }

  /// The number of outputs.
  public var outputCount: Int {
    component.pointee.kind == UInt32(LOSSKIT_LOSS) ? prompts : prompts * responses
  }

  /// Calls `compute`. Throws what it reports.
  public func run() throws -> Result {
    // Filled with what is no number: what the component does not write stays one.
    var output = [Double](repeating: .nan, count: outputCount)
    var after = state
    let columns = columns
    let gradients = columns.map { _, column -> UnsafeMutablePointer<Double>? in
      guard cotangent != nil, column.flags & UInt32(LOSSKIT_DIFFERENTIABLE) != 0 else { return nil }
      let pointer = UnsafeMutablePointer<Double>.allocate(capacity: max(count(of: column), 1))
      pointer.initialize(repeating: .nan, count: max(count(of: column), 1))
      return pointer
    }
    let lent = columns.map { name, _ -> UnsafeMutablePointer<Double>? in
      guard let values = inputs[name] else { return nil }
      let pointer = UnsafeMutablePointer<Double>.allocate(capacity: max(values.count, 1))
      pointer.initialize(from: values, count: values.count)
      return pointer
    }
    defer { for pointer in gradients + lent { pointer?.deallocate() } }
    var error = losskit_error()
    error.prompt = -1
    let status = try call(lent.map { UnsafePointer($0) }, gradients, &output, &after, &error)
    guard status == 0 else {
      let text = withUnsafeBytes(of: &error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw Failure(text, prompt: error.prompt < 0 ? nil : Int(error.prompt))
    }
    var named: [String: [Double]] = [:]
    for (index, column) in columns.enumerated() {
      if let gradient = gradients[index] {
        named[column.name] = Array(UnsafeBufferPointer(start: gradient, count: count(of: column.column)))
      }
    }
    return Result(output: output, gradients: named, state: after)
  }

  private func call(
    _ inputs: [UnsafePointer<Double>?], _ gradients: [UnsafeMutablePointer<Double>?], _ output: inout [Double],
    _ state: inout [Double], _ error: inout losskit_error
  ) throws -> Int32 {
    guard let compute = component.pointee.compute else { throw Failure("the component has no function compute") }
    return output.withUnsafeMutableBufferPointer { output in
      state.withUnsafeMutableBufferPointer { state in
        gradients.withUnsafeBufferPointer { gradients in
          inputs.withUnsafeBufferPointer { inputs in
            parameters.withUnsafeBufferPointer { parameters in
              withPointer(counts) { counts in
                withPointer(tokenOffsets) { offsets in
                  withPointer(cotangent) { cotangent in
                    var frame = losskit_frame(
                      prompts: prompts, responses: responses, references: references, counts: counts,
                      token_offsets: offsets, parameters: parameters.baseAddress, state: state.baseAddress, seed: seed,
                      inputs: inputs.baseAddress, output: output.baseAddress, cotangent: cotangent,
                      gradients: cotangent == nil ? nil : gradients.baseAddress)
                    return compute(component, &frame, &error)
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  private func withPointer<Element, Value>(
    _ array: [Element]?, _ body: (UnsafePointer<Element>?) -> Value
  ) -> Value {
    guard let array else { return body(nil) }
    return array.withUnsafeBufferPointer { body($0.baseAddress) }
  }
}

/// The components that the entry function of a plugin, or `Plugin.export`, returned.
public func components(of plugin: UnsafeRawPointer?) throws -> [UnsafePointer<losskit_component>] {
  guard let plugin else { throw Failure("the plugin was not exported") }
  let descriptor = plugin.assumingMemoryBound(to: losskit_plugin.self).pointee
  return (0..<descriptor.component_count).compactMap { descriptor.components[$0] }
}
