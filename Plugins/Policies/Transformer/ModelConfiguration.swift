import FoundationEssentials
import LossKit

/// `config.json` of a Hugging Face Llama checkpoint.
struct ModelConfiguration {
  static let fileName = "config.json"
  /// A file of ours has less than 2 KB.
  private static let largestSize = 1 << 20

  let options: TransformerOptions

  /// Reads the architecture into a copy of `options`; what this model cannot do is an error that names the key.
  static func read(_ path: String, into options: TransformerOptions) throws -> TransformerOptions {
    let file = try File.reading(path)
    let place = "transformer: \(path)"
    let size = try file.size()
    guard size <= largestSize else { throw Failure("\(place): \(size) bytes are too many for a model's configuration") }
    return try JSONDecoder.decode(file.read(size, at: 0), place: place) { decoder, data in
      try decoder.decode(ModelConfiguration.self, from: data, configuration: options).options
    }
  }

  /// Writes the file as `transformers` reads it.
  static func write(_ path: String, _ options: TransformerOptions) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let text = try Array(encoder.encode(ModelConfiguration(options: options))) + [UInt8(ascii: "\n")]
    try text.withUnsafeBytes { try File.write(path, [$0]) }
  }
}

extension ModelConfiguration: DecodableWithConfiguration {
  /// Reads the architecture into a copy of `options`.
  init(from decoder: any Decoder, configuration options: TransformerOptions) throws {
    let json = try JSONObject(from: decoder)
    try Self.checkKind(json)
    var result = options
    for option in TransformerOptions.integers { result[keyPath: option.path] = try Self.integer(json, option) }
    for option in TransformerOptions.reals {
      if let value = try Self.real(json, option) { result[keyPath: option.path] = value }
    }
    result[keyPath: TransformerOptions.tie.path] = try Self.flag(json, TransformerOptions.tie.name)
    result[keyPath: TransformerOptions.rounding.path] = try Self.flag(json, TransformerOptions.rounding.name)
    try result.architecture.validate()
    let headSize = result.architecture.headSize
    guard !json.has("head_dim") || json.value("head_dim") == headSize else {
      throw Failure(
        "head_dim is \(json.text(of: "head_dim")); this model needs hidden_size / num_attention_heads, \(headSize)")
    }
    self.options = result
  }

  private static func integer(_ json: JSONObject, _ option: TransformerOptions.Integer) throws -> Int {
    guard let (json, name) = find(option.name, json) else { throw Failure("\(option.name) is missing") }
    guard let value = json.value(name, as: Int.self), option.range.contains(value) else {
      throw Failure("\(option.name) is \(json.text(of: name)), not a whole number within \(option.range)")
    }
    return value
  }

  /// Nil where the value is missing and only fresh weights need it.
  private static func real(_ json: JSONObject, _ option: TransformerOptions.Real) throws -> Double? {
    guard let (json, name) = find(option.name, json) else {
      if option.name == "initializer_range" { return nil }
      throw Failure("\(option.name) is missing")
    }
    guard let value = json.value(name, as: Double.self), option.bounds.contains(value) else {
      throw Failure("\(option.name) is \(json.text(of: name)), which is out of bounds")
    }
    return value
  }

  /// False where it is missing.
  private static func flag(_ json: JSONObject, _ name: String) throws -> Bool {
    guard json.has(name) else { return false }
    guard let value = json.value(name, as: Bool.self) else {
      throw Failure("\(name) is \(json.text(of: name)), not true or false")
    }
    return value
  }

  /// Where a value stands: as many key heads as query heads in old files, rotary numbers together in new ones.
  private static func find(_ name: String, _ json: JSONObject) -> (JSONObject, String)? {
    if json.has(name) { return (json, name) }
    switch name {
    case "num_key_value_heads": return json.has("num_attention_heads") ? (json, "num_attention_heads") : nil
    case "rope_theta": return json.object("rope_parameters").flatMap { $0.has(name) ? ($0, name) : nil }
    default: return nil
    }
  }

  /// What must be so for this model to compute what the checkpoint means.
  private static func checkKind(_ json: JSONObject) throws {
    func require<Value: Decodable & Equatable>(
      _ name: String, _ value: Value, in json: JSONObject = json, orMissing: Bool = false
    ) throws {
      let needed = value is String ? "\"\(value)\"" : "\(value)"
      guard json.has(name) else {
        if orMissing { return }
        throw Failure("\(name) is missing; this model needs \(needed)")
      }
      guard json.value(name) == value else {
        throw Failure("\(name) is \(json.text(of: name)); this model needs \(needed)")
      }
    }
    try require("model_type", "llama")
    try require("bos_token_id", Token.begin)
    try require("eos_token_id", Token.end)
    try require("hidden_act", "silu", orMissing: true)
    try require("attention_bias", false, orMissing: true)
    try require("mlp_bias", false, orMissing: true)
    guard !json.has("rope_scaling") else {
      throw Failure("rope_scaling is \(json.text(of: "rope_scaling")); this model needs null")
    }
    if let rotary = json.object("rope_parameters") {
      try require("rope_type", "default", in: rotary, orMissing: true)
    }
  }
}

extension ModelConfiguration: Encodable {
  /// Writes the architecture, and what is always so for this model.
  func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: JSONObject.Name.self)
    func write(_ name: String, _ value: some Encodable) throws { try members.encode(value, forKey: .init(name)) }
    try write("architectures", ["LlamaForCausalLM"])
    try write("model_type", "llama")
    try write("torch_dtype", "float32")
    try write("hidden_act", "silu")
    try write("attention_bias", false)
    try write("attention_dropout", 0)
    try write("mlp_bias", false)
    try write("use_cache", true)
    try write("head_dim", options.architecture.headSize)
    try write("bos_token_id", Token.begin)
    try write("eos_token_id", Token.end)
    try write("pad_token_id", Token.padding)
    try members.encodeNil(forKey: .init("rope_scaling"))
    for option in [TransformerOptions.tie, TransformerOptions.rounding] {
      try write(option.name, options[keyPath: option.path])
    }
    for option in TransformerOptions.integers { try write(option.name, options[keyPath: option.path]) }
    for option in TransformerOptions.reals { try write(option.name, options[keyPath: option.path]) }
  }
}
