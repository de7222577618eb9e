import LossKit
import LossKitJSON

/// The `config.json` of a Hugging Face Llama checkpoint.
enum ModelConfiguration {
  static let fileName = "config.json"
  /// The maximum file size; a file that LossKit writes has less than 2 KB.
  private static let largestSize = 1 << 20

  /// Reads the architecture into a copy of `options`. Throws, naming the key, for a model that is not supported.
  static func read(_ path: String, into options: TransformerOptions) throws -> TransformerOptions {
    let file = try File.reading(path)
    let place = "transformer: \(path)"
    let size = try file.size()
    guard size <= largestSize else { throw Failure("\(place): \(size) bytes are too many for a model's configuration") }
    return try JSONObject.read(file.read(size, at: 0), place: place) { try read($0, into: options) }
  }

  /// Writes the file in the format of `transformers`.
  static func write(_ path: String, _ options: TransformerOptions) throws {
    let text = Array((json(options).indented + "\n").utf8)
    try text.withUnsafeBytes { try File.write(path, [$0]) }
  }
}

extension ModelConfiguration {
  private static func read(_ json: JSONObject, into options: TransformerOptions) throws -> TransformerOptions {
    try checkKind(json)
    var result = options
    for option in TransformerOptions.integers { result[keyPath: option.path] = try integer(json, option) }
    for option in TransformerOptions.reals {
      if let value = try real(json, option) { result[keyPath: option.path] = value }
    }
    result[keyPath: TransformerOptions.tie.path] = try flag(json, TransformerOptions.tie.name)
    result[keyPath: TransformerOptions.rounding.path] = try flag(json, TransformerOptions.rounding.name)
    try result.architecture.validate()
    let headSize = result.architecture.headSize
    if let size = json.value("head_dim"), size.integer != headSize {
      throw Failure(
        "head_dim is \(json.text(of: "head_dim")); this model needs hidden_size / num_attention_heads, \(headSize)")
    }
    return result
  }

  private static func integer(_ json: JSONObject, _ option: TransformerOptions.Integer) throws -> Int {
    guard let (json, name) = find(option.name, json) else { throw Failure("\(option.name) is missing") }
    guard let value = json[name]?.integer, option.range.contains(value) else {
      throw Failure("\(option.name) is \(json.text(of: name)), not a whole number within \(option.range)")
    }
    return value
  }

  /// Returns nil if the value is missing and only needed for new weights.
  private static func real(_ json: JSONObject, _ option: TransformerOptions.Real) throws -> Double? {
    guard let (json, name) = find(option.name, json) else {
      if option.name == "initializer_range" { return nil }
      throw Failure("\(option.name) is missing")
    }
    guard let value = json[name]?.double, option.bounds.contains(value) else {
      throw Failure("\(option.name) is \(json.text(of: name)), which is out of bounds")
    }
    return value
  }

  /// Returns false if the value is missing.
  private static func flag(_ json: JSONObject, _ name: String) throws -> Bool {
    guard let value = json.value(name) else { return false }
    guard let value = value.bool else {
      throw Failure("\(name) is \(json.text(of: name)), not true or false")
    }
    return value
  }

  /// The location of a value: old files have no number of key heads, which then equals that of query heads, and new files group the
  /// rotary values.
  private static func find(_ name: String, _ json: JSONObject) -> (JSONObject, String)? {
    if json.value(name) != nil { return (json, name) }
    switch name {
    case "num_key_value_heads": return json.value("num_attention_heads") == nil ? nil : (json, "num_attention_heads")
    case "rope_theta": return json["rope_parameters"]?.object.flatMap { $0.value(name) == nil ? nil : ($0, name) }
    default: return nil
    }
  }

  /// Throws if the checkpoint is not a model that this architecture computes.
  private static func checkKind(_ json: JSONObject) throws {
    func require(_ name: String, _ needed: JSONValue, in json: JSONObject = json, orMissing: Bool = false) throws {
      guard let value = json.value(name) else {
        if orMissing { return }
        throw Failure("\(name) is missing; this model needs \(needed.compact)")
      }
      guard value == needed else {
        throw Failure("\(name) is \(json.text(of: name)); this model needs \(needed.compact)")
      }
    }
    try require("model_type", .string("llama"))
    try require("bos_token_id", .number(Int(Token.begin)))
    try require("eos_token_id", .number(Int(Token.end)))
    try require("hidden_act", .string("silu"), orMissing: true)
    try require("attention_bias", .bool(false), orMissing: true)
    try require("mlp_bias", .bool(false), orMissing: true)
    guard json.value("rope_scaling") == nil else {
      throw Failure("rope_scaling is \(json.text(of: "rope_scaling")); this model needs null")
    }
    if let rotary = json["rope_parameters"]?.object {
      try require("rope_type", .string("default"), in: rotary, orMissing: true)
    }
  }
}

extension ModelConfiguration {
  /// The architecture, with the constant members of this model type.
  private static func json(_ options: TransformerOptions) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("architectures", .array([.string("LlamaForCausalLM")])), ("model_type", .string("llama")),
      ("torch_dtype", .string("float32")), ("hidden_act", .string("silu")), ("attention_bias", .bool(false)),
      ("attention_dropout", .number(0)), ("mlp_bias", .bool(false)), ("use_cache", .bool(true)),
      ("head_dim", .number(options.architecture.headSize)), ("bos_token_id", .number(Int(Token.begin))),
      ("eos_token_id", .number(Int(Token.end))), ("pad_token_id", .number(Int(Token.padding))),
      ("rope_scaling", .null),
    ]
    for option in [TransformerOptions.tie, TransformerOptions.rounding] {
      members.append((option.name, .bool(options[keyPath: option.path])))
    }
    for option in TransformerOptions.integers { members.append((option.name, .number(options[keyPath: option.path]))) }
    for option in TransformerOptions.reals { members.append((option.name, .number(options[keyPath: option.path]))) }
    return .object(members.sorted { $0.0 < $1.0 })
  }
}
