/// A reader of untrusted bytes, which a fuzzer calls with generated inputs.
///
/// An input that is refused throws. A trap, a failed precondition, a hang or too much memory is a fault.
struct FuzzTarget: Sendable {
  /// The name, also of the folder with its corpus.
  let name: String
  /// Reads an input.
  let read: @Sendable ([UInt8]) throws -> Void

  /// All targets beside that of the C API, which `sequence.c` holds.
  static let all = [
    objective, json, template, recipe, declaration, rows, evaluation, model, checkpoint, library,
  ]

  /// The target of a name, or nil.
  static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Checks what holds for every input that is accepted.
func require(_ condition: Bool, _ message: @autoclosure () -> String) {
  // Release builds keep it.
  precondition(condition, message())
}
