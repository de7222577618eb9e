import LossKit

extension ComponentCall.Result {
  /// Describes how it differs, to the bit, from another result of the same call; nil if it does not.
  func difference(from other: ComponentCall.Result) -> String? {
    if let found = Self.difference(output, other.output) { return "output\(found)" }
    for name in gradients.keys.sorted() {
      if let found = Self.difference(gradients[name] ?? [], other.gradients[name] ?? []) {
        return "the gradient of \(name)\(found)"
      }
    }
    return Self.difference(state, other.state).map { "the state\($0)" }
  }

  /// Throws for a value or gradient that is not finite; `remedy` ends the message.
  func checkFinite(_ call: ComponentCall, _ place: String, _ remedy: String = "") throws {
    if let index = output.firstIndex(where: { !$0.isFinite }) {
      throw Failure(
        "output [\(index)] is \(output[index])\(place); \(call.columnsOf(prompt: index % call.prompts))\(remedy)")
    }
    for (name, gradient) in gradients.sorted(by: { $0.key < $1.key }) {
      guard let index = gradient.firstIndex(where: { !$0.isFinite }) else { continue }
      throw Failure("the gradient of \(name) [\(index)] is \(gradient[index])\(place)\(remedy)")
    }
  }

  private static func difference(_ found: [Double], _ expected: [Double]) -> String? {
    guard found.count == expected.count else { return ": \(found.count) numbers, then \(expected.count)" }
    let index = found.indices.first { found[$0].bitPattern != expected[$0].bitPattern }
    return index.map { " [\($0)] is \(found[$0]), and was \(expected[$0])" }
  }
}

extension ComponentCall {
  /// The columns of one prompt, for a message.
  func columnsOf(prompt: Int) -> String {
    let texts = columns.filter { $0.column.per != .token }.compactMap { name, column in
      inputs[name].map { values in
        "\(name)=\(pick([prompt], of: values, per: column.per).map { "\($0)" }.joined(separator: ","))"
      }
    }
    return "prompt \(prompt + 1): \(texts.joined(separator: " "))"
  }
}
