import CLossKit
package import LossKit

extension LoadedComponent {
  /// The formula for K responses and R references, with real hyperparameters as symbols; nil if the plugin exports
  /// none.
  ///
  /// Throws what the plugin reports, and if the formula contradicts its declaration.
  package func formula(responses: Int, references: Int, values: [Double]) throws -> Graph? {
    guard let pointer = extensionPointer(formulaExtensionID) else { return nil }
    let formulas = pointer.assumingMemoryBound(to: losskit_formula_extension_v1.self)
    guard let trace = formulas.pointee.trace else { return nil }
    let received = FormulaReceiver { [self] formula in
      try Graph(
        decoding: formula, responses: responses, references: references, columns: inputs,
        parameterCount: parameters.count, stateCount: stateNames.count)
    }
    try callPlugin("\(library): \(name)", of: library) { error in
      values.withUnsafeBufferPointer { values in
        trace(
          descriptor, responses, references, values.baseAddress, receiveFormula,
          Unmanaged.passUnretained(received).toOpaque(), error)
      }
    }
    do {
      let graph = try received.result?.get()
      guard received.result != nil else { throw Failure("it handed over no formula") }
      return graph ?? nil
    } catch {
      throw Failure("\(library): \(name): \(error)")
    }
  }
}

/// Takes the formula during the plugin's call, which owns it.
private final class FormulaReceiver {
  let decode: (losskit_formula) throws -> Graph?
  var result: Result<Graph?, any Error>?

  init(_ decode: @escaping (losskit_formula) throws -> Graph?) { self.decode = decode }
}

private func receiveFormula(_ context: UnsafeMutableRawPointer?, _ formula: UnsafePointer<losskit_formula>?) {
  guard let context, let formula else { return }
  let receiver = Unmanaged<FormulaReceiver>.fromOpaque(context).takeUnretainedValue()
  receiver.result = Result { try receiver.decode(formula.pointee) }
}
