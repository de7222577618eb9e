import LossKit
import LossKitJSON
import LossKitTemplate
import LossKitTraining

@testable import LossKitCommand
@testable import LossKitRuntime

extension FuzzTarget {
  /// The text of an objective: parsed, made, printed, exported and evaluated.
  static let objective = FuzzTarget(name: "objective") { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    _ = try? Setting(parsing: text)
    let expression = try ObjectiveExpression(parsing: text)
    let canonical = expression.description
    let again = try? ObjectiveExpression(parsing: canonical).description
    require(again == canonical, "\(canonical) parses to another objective")
    let objective = try Objective(text, in: PluginRegistry())
    _ = objective.hash
    for format in ExportFormat.allCases { _ = try? objective.exported(as: format) }
    var state = objective.initialState
    _ = try objective.evaluate(sampleBatch(for: objective), state: &state, gradients: true)
  }

  /// JSON: what is read, written and read again is equal.
  static let json = FuzzTarget(name: "json") { bytes in
    var elements = JSONElements(of: bytes)
    while let _ = try? elements.next() {}
    let value = try JSONValue(parsing: bytes)
    for text in [value.compact, value.indented, value.dense] {
      require((try? JSONValue(parsing: text.utf8)) == value, "it is written as \(text)")
    }
  }

  /// A chat template, which renders a conversation with a tool.
  static let template = FuzzTarget(name: "template") { bytes in
    let template = try ChatTemplate(String(decoding: bytes, as: UTF8.self), name: "template")
    _ = try template.render(
      messages: try JSONValue(parsing: conversation.utf8).array ?? [], tools: [.object([("name", .string("f"))])],
      addGenerationPrompt: true, variables: [("bos_token", .string("<s>"))])
  }

  /// A recipe of `train` and of `compare`, with the configuration that it makes.
  static let recipe = FuzzTarget(name: "recipe") { bytes in
    let path = try FuzzFiles.shared.write(bytes, to: "recipe.yaml")
    for schema in [RunSchema.train, .compare] {
      let settings = try RunSettings.recipe(path: path, schema: schema)
      _ = try RunPreparation(settings: settings, registry: PluginRegistry()).configuration()
    }
  }

  /// The declaration of a function, and its prototypes.
  static let declaration = FuzzTarget(name: "declaration") { bytes in
    _ = try? FunctionManifest(parsing: bytes)
    let declaration = try FunctionDeclaration(parsing: bytes)
    // The function is never called.
    let address = UnsafeRawPointer(bitPattern: 16)
    let registry = PluginRegistry()
    guard let address else { return }
    let component = try registry.register(
      declaration, function: address, gradient: declaration.gradientPrototype.map { _ in address },
      userData: UnsafeMutableRawPointer(mutating: address))
    _ = try? component.exported(as: .json)
    try registry.unregister(component.name, kind: component.kind)
  }
}

/// Messages of every role.
private let conversation = #"""
  [{"role": "system", "content": "S"}, {"role": "user", "content": " \u00e9\n"},
   {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1.5}}}]},
   {"role": "tool", "content": [{"type": "text", "text": "T"}]}]
  """#

/// Three prompts with allowed values in each column that an objective reads.
private func sampleBatch(for objective: Objective) throws -> Batch {
  let responses = max(objective.responses.lowerBound, min(2, objective.responses.upperBound))
  guard responses <= 16, objective.referenceCount <= 16 else { throw Failure("too many responses") }
  var batch = Batch(prompts: 3, responses: responses, references: max(1, objective.referenceCount))
  batch.tokenOffsets = (0...(3 * responses)).map { 2 * $0 }
  for column in objective.columns {
    let values: (Int) -> Double =
      switch column.name {
      case "token_count": { _ in 2 }
      case "label": { Double($0 % 2) }
      case let name where name.hasSuffix("probability"): { 0.25 + Double($0 % 3) / 8 }
      default: { -1.5 - Double($0 % 5) / 4 }
      }
    batch.columns[column.name] = (0..<batch.count(of: column)).map(values)
  }
  return batch
}
