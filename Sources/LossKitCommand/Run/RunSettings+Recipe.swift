import LossKit
import LossKitSystem
import LossKitTraining
import Yams

extension RunSettings {
  /// Reads a recipe, a YAML file with a mapping from keys to values.
  ///
  /// Scalars are read as written, so that `1e-4` is a number although YAML disagrees. Lists are for keys with several values, mappings
  /// for hyperparameters, options and, in a comparison, values that differ by loss.
  static func recipe(path: String, schema: RunSchema) throws -> RunSettings {
    let content = try Files.read(path)
    guard let text = String(validating: content, as: UTF8.self) else {
      throw Failure("\(path): not UTF-8; convert the file")
    }
    guard let root = try parse(text, path) else { return RunSettings(schema) }
    guard case .mapping(let mapping) = root else {
      throw Failure("\(path): a recipe is a mapping from keys to values; write lines such as 'loss: dpo'")
    }
    var reader = RecipeReader(path: path, schema: schema)
    for (key, value) in mapping { try reader.add(key, value) }
    return reader.settings
  }

  private static func parse(_ text: String, _ path: String) throws -> Node? {
    do {
      return try Yams.compose(yaml: text)
    } catch YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
      YamlError.composer(_, let problem, let mark, _)
    {
      throw Failure("\(path), line \(mark.line): not YAML: \(problem)")
    } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
      let names = keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
      throw Failure("\(path), line \(context.mark.line): duplicate key \(names); write each once")
    } catch {
      throw Failure("\(path): not YAML: \(error)")
    }
  }
}

/// Reads a recipe's keys and values in order.
private struct RecipeReader {
  let path: String
  let schema: RunSchema
  var settings: RunSettings

  init(path: String, schema: RunSchema) {
    self.path = path
    self.schema = schema
    settings = RunSettings(schema)
  }

  mutating func add(_ key: Node, _ value: Node) throws {
    let line = key.mark?.line ?? value.mark?.line ?? 0
    guard case .scalar(let name) = key else { throw failure(line, "invalid key; expected plain text") }
    let arity = schema.keys.first { $0.name == name.string }?.arity ?? .single
    switch value {
    case .scalar(let scalar):
      guard scalar.style != .plain || !["", "~", "null"].contains(scalar.string) else {
        throw failure(line, "\(name.string) has no value; write one, or remove the key")
      }
      try add(name.string, scalar.string, line)
    case .sequence(let elements):
      guard arity != .single else { throw failure(line, "\(name.string) takes one value, not a list") }
      for element in elements { try add(name.string, text(element, of: name.string, line), line) }
    case .mapping(let members):
      let isByLoss = schema.isComparison && schema.trainingKey(name.string) != nil
      guard arity == .assignments || isByLoss else {
        throw failure(line, "\(name.string) takes one value, not a mapping")
      }
      for (member, value) in members {
        let assignment = "\(try text(member, of: name.string, line))=\(try text(value, of: name.string, line))"
        try add(name.string, assignment, member.mark?.line ?? line)
      }
    case .alias: throw failure(line, "\(name.string): an alias without an anchor")
    }
  }

  private mutating func add(_ key: String, _ value: String, _ line: Int) throws {
    do {
      try settings.add(RunSettings.Entry(key: key, value: value, origin: .recipe(file: path, line: line)))
    } catch {
      throw failure(line, "\(error)")
    }
  }

  private func text(_ node: Node, of key: String, _ line: Int) throws -> String {
    guard case .scalar(let scalar) = node else {
      throw failure(line, "invalid value in \(key); expected plain text or a number")
    }
    return scalar.string
  }

  private func failure(_ line: Int, _ problem: String) -> Failure { Failure("\(path), line \(line): \(problem)") }
}
