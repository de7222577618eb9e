import LossKit
import LossKitRuntime
import LossKitSource
import LossKitTraining

extension ComponentDescription {
  /// The description as text.
  var text: String {
    let blocks = [
      heading, documentation.isEmpty ? nil : Self.wrapping(sections.text), expressionBlock, parameterBlock,
      section("Published", sections.published), columnBlock, propertyBlock, section("Neighbors", sections.neighbors),
      section("Elsewhere", sections.elsewhere), section("Verification", sections.verification), formulaBlock,
    ]
    let shown = blocks.compactMap { $0 }.filter { !$0.isEmpty }
    return shown.map { $0.last == "\n" ? $0 : $0 + "\n" }.joined(separator: "\n")
  }

  private static func wrapping(_ text: String, indentation: String = "") -> String {
    wrapped(text, width: 100).map { $0.isEmpty ? "\n" : indentation + $0 + "\n" }.joined()
  }

  private func section(_ title: String, _ text: String?) -> String? {
    text.map { "\(title)\n" + Self.wrapping($0, indentation: "  ") }
  }

  private var heading: String {
    ["\(name) (\(kind)\(version.isEmpty ? "" : ", version \(version)"))", summary, citation].filter { !$0.isEmpty }
      .joined(separator: "\n")
  }

  private var expressionBlock: String? { expression.map { "Stands for\n  \($0)" } }

  private var parameterBlock: String? {
    guard !parameters.isEmpty else { return nil }
    let lines = parameters.map { parameter in
      [parameter.name, parameter.format(parameter.initial), parameter.range, parameter.note]
    }
    let title = kind == .policy ? "Options" : "Hyperparameters"
    return "\(title) (name, default, values)\n" + alignedLines(lines, indentation: "  ")
  }

  private var columnBlock: String? {
    guard !columns.isEmpty else { return nil }
    let lines = columns.map { [$0.column.name, $0.column.words, $0.summary] }
    return (kind == .policy ? "Columns supplied\n" : "Columns read\n") + alignedLines(lines, indentation: "  ")
  }

  private var propertyBlock: String {
    var lines = requirements.isEmpty ? [] : [["needs", requirements.joined(separator: ", ")]]
    lines += flags.map { [$0.name.replacing("_", with: " "), $0.holds ? "yes" : "no"] }
    if let defaultReward { lines.append(["default reward", defaultReward]) }
    if let responses { lines.append(["responses", words(responses)]) }
    if let references, references.upperBound > 0 { lines.append(["references", words(references)]) }
    if !state.isEmpty {
      lines.append(["state", state.map { "\($0.name) = \(roundTripDecimal($0.initial))" }.joined(separator: ", ")])
    }
    if !library.isEmpty { lines.append(["library", library]) }
    return "Properties\n" + alignedLines(lines, indentation: "  ")
  }

  private var formulaBlock: String? {
    guard let formula else { return nil }
    let symbol = kind == .loss ? "loss" : "reward"
    let plain = formula.plain.lines(value: symbol) { "d \(symbol) / d \($0)" }
    let letter = kind == .loss ? "\\ell" : "r"
    let latex = formula.latex.lines(value: letter) { "\\frac{\\partial \(letter)}{\\partial \($0)}" }
    func block(_ title: String, _ lines: [String]) -> String {
      "\(title)\n" + lines.map { "  \($0)\n" }.joined()
    }
    let count = formula.responses == 1 ? "one response" : "\(formula.responses) responses"
    return block("Formula and gradient for \(count)", plain) + "\n" + block("The same in LaTeX", latex)
  }

  private func words(_ range: ClosedRange<Int>) -> String {
    if range.count == 1 { return "\(range.lowerBound)" }
    return range.upperBound == Int.max
      ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
  }
}

extension ParameterDescription {
  /// The summary, the paper's symbol if it differs from the name, and whether metrics scale by it.
  fileprivate var note: String {
    summary + (symbol == name ? "" : " [\(symbol)]") + (isRewardScale ? " [scales the rewards in metrics]" : "")
  }
}

extension Column {
  /// The properties of a column, in words.
  fileprivate var words: String {
    let parts = [
      "per \(extent)", isPerReference ? "of each reference" : nil, isDifferentiable ? "differentiable" : nil,
      isOptional ? "optional" : nil,
    ]
    return parts.compactMap { $0 }.joined(separator: ", ")
  }
}
