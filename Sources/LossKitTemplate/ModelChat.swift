import LossKit
package import LossKitJSON
import LossKitSystem

/// How a model renders conversations: the chat templates and the special tokens in its directory.
///
/// `chat_template.jinja`, with those of `additional_chat_templates`, comes before `chat_template` of tokenizer_config.json, a template or a
/// list of named ones. A conversation with tools takes the template "tool_use", if there is one, and others "default".
package struct ModelChat: Sendable {
  /// The special tokens by their names in templates, such as `bos_token`.
  package let variables: [(String, JSONValue)]
  private let templates: [String: ChatTemplate]

  /// Reads what a model's directory has; the template of the file `path`, if it is given, takes the place of the model's.
  ///
  /// Throws if there is no template, or if a file cannot be read.
  package init(directory: String, template path: String? = nil) throws {
    try self.init(reading: directory, template: path)
    guard !templates.isEmpty else {
      throw Failure(
        "\(directory) has no chat template, neither chat_template.jinja nor 'chat_template' in tokenizer_config.json; "
          + "give one with --chat-template FILE")
    }
  }

  /// Reads what a model's directory has; nil if there is no template. Throws if a file cannot be read.
  package init?(in directory: String) throws {
    try self.init(reading: directory, template: nil)
    if templates.isEmpty { return nil }
  }

  private init(reading directory: String, template path: String?) throws {
    let configuration = try Self.object("\(directory)/tokenizer_config.json")
    variables = Self.specialTokens(in: [configuration, try Self.object("\(directory)/special_tokens_map.json")])
    if let path {
      templates = ["default": try Self.template(path)]
      return
    }
    var templates: [String: ChatTemplate] = [:]
    let main = "\(directory)/chat_template.jinja", more = "\(directory)/additional_chat_templates"
    if Files.exists(main) {
      templates["default"] = try Self.template(main)
    } else if let value = configuration?["chat_template"], value != .null {
      templates = try Self.templates(value, name: "\(directory)/tokenizer_config.json, chat_template")
    }
    if Files.isDirectory(more) {
      for name in try Files.names(in: more) where name.hasSuffix(".jinja") {
        templates[String(name.dropLast(6))] = try Self.template("\(more)/\(name)")
      }
    }
    self.templates = templates
  }

  /// The text of a conversation with the special tokens of the model and further variables. Throws what the template throws.
  package func render(
    messages: [JSONValue], tools: [JSONValue]? = nil, addGenerationPrompt: Bool = false,
    variables more: [(String, JSONValue)] = []
  ) throws -> String {
    let template = (tools == nil ? nil : templates["tool_use"]) ?? templates["default"]
    guard let template else {
      let names = templates.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
      throw Failure("the model has the chat templates \(names), but no 'default'; give one with --chat-template FILE")
    }
    return try template.render(
      messages: messages, tools: tools, addGenerationPrompt: addGenerationPrompt, variables: variables + more)
  }

  // MARK: Files

  private static func object(_ path: String) throws -> JSONObject? {
    guard Files.exists(path) else { return nil }
    do {
      let value = try JSONValue(parsing: withoutByteOrderMark(try Files.read(path)))
      guard let object = value.object else { throw Failure("\(path) is \(value.kindName) instead of an object") }
      return object
    } catch let error as JSONError {
      throw Failure("\(path), \(error)")
    }
  }

  private static func template(_ path: String) throws -> ChatTemplate {
    guard let text = String(validating: withoutByteOrderMark(try Files.read(path)), as: UTF8.self) else {
      throw Failure("\(path) is not UTF-8; convert the file to UTF-8")
    }
    return try ChatTemplate(text, name: path)
  }

  private static func templates(_ value: JSONValue, name: String) throws -> [String: ChatTemplate] {
    if let text = value.string { return ["default": try ChatTemplate(text, name: name)] }
    guard let list = value.array else {
      throw Failure("\(name) is \(value.kindName) instead of a template or a list of named templates")
    }
    var templates: [String: ChatTemplate] = [:]
    for (place, element) in list.enumerated() {
      guard let key = element.object?["name"]?.string, let text = element.object?["template"]?.string else {
        throw Failure("\(name)[\(place)] has no \"name\" and \"template\"")
      }
      templates[key] = try ChatTemplate(text, name: "\(name) '\(key)'")
    }
    return templates
  }

  private static func specialTokens(in objects: [JSONObject?]) -> [(String, JSONValue)] {
    let names = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]
    return names.compactMap { name in
      let text = objects.lazy.compactMap { object in
        let value = object?[name]
        return value?.string ?? value?.object?["content"]?.string
      }.first
      return text.map { (name, .string($0)) }
    }
  }
}
