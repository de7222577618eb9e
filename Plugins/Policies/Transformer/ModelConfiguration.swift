import LossKit
import LossKitJSON

/// The `config.json` of a Hugging Face checkpoint.
struct ModelConfiguration: Sendable {
  static let fileName = "config.json"
  /// The maximum file size; real ones have a few KB, with long-context factors up to some tens.
  private static let largestSize = 1 << 20
  /// The keys that say the type of the weights.
  private static let typeKeys = ["torch_dtype", "dtype"]

  /// The options of the model.
  var options: TransformerOptions
  /// The members of the file, all of which are written back; nil for a model that LossKit created.
  private(set) var members: [(String, JSONValue)]?
  /// The token before a text and those after it, as far as the file says.
  private(set) var beginToken: Int?, endTokens: [Int] = []

  /// The configuration of a new model.
  init(_ options: TransformerOptions) {
    self.options = options
    beginToken = Int(Token.begin)
    endTokens = [Int(Token.end)]
  }

  /// Reads a file; options that it does not have are those of `options`. Throws, naming the key, for a model that is not supported.
  init(reading path: String, into options: TransformerOptions) throws {
    self = try JSONObject.read(file: path, limit: Self.largestSize, kind: "a model's configuration") {
      try Self($0, options)
    }
  }

  private init(_ json: JSONObject, _ options: TransformerOptions) throws {
    let keys = ConfigurationKeys(json), family = try Self.family(keys)
    var result = options
    for option in TransformerOptions.integers { result[keyPath: option.path] = try Self.integer(keys, option) }
    result[keyPath: TransformerOptions.tie.path] = try keys.flag(TransformerOptions.tie.name) ?? family.isTied
    result[keyPath: TransformerOptions.rounding.path] = try keys.flag(TransformerOptions.rounding.name) ?? false
    result.architecture.normEpsilon = try keys.real("rms_norm_eps", in: .closed(1e-30, 1)) ?? family.normEpsilon
    if let range = try keys.real("initializer_range") { result.initializerRange = range }
    try Self.readVariant(keys, family, into: &result.architecture)
    self.options = result
    members = json.members.map { ($0.key, $0.value) }
    beginToken = try keys.integer("bos_token_id")
    endTokens = try Self.endTokens(keys)
  }

  /// The family of the model. Throws for what no family computes.
  private static func family(_ keys: ConfigurationKeys) throws -> ModelFamily {
    guard let type = try keys.text("model_type") else { throw Failure("model_type is missing") }
    guard let family = ModelFamily.all[type] else {
      let known = ModelFamily.all.keys.sorted().joined(separator: ", ")
      throw Failure("model_type is \"\(type)\"; supported are \(known)")
    }
    for name in ["quantization_config", "text_config", "num_experts", "num_local_experts"] where keys.has(name) {
      throw Failure("\(name) is given; only dense text models without quantization are supported")
    }
    return family
  }

  private static func integer(_ keys: ConfigurationKeys, _ option: TransformerOptions.Integer) throws -> Int {
    // Other models have smaller vocabularies than texts as bytes need.
    let range = min(option.range.lowerBound, 2)...option.range.upperBound
    if let value = try keys.integer(option.name, in: range) { return value }
    // Old files do not say that each query head has its own key head.
    if option.name == "num_key_value_heads", let heads = try keys.integer("num_attention_heads", in: range) {
      return heads
    }
    throw Failure("\(option.name) is missing")
  }

  /// The end tokens that a file states: none, one or a list.
  static func endTokens(_ keys: ConfigurationKeys) throws -> [Int] {
    guard let list = keys.json.value("eos_token_id")?.array else {
      return try keys.integer("eos_token_id").map { [$0] } ?? []
    }
    let tokens = list.compactMap(\.integer)
    guard tokens.count == list.count, tokens.allSatisfy({ $0 >= 0 }) else {
      throw Failure("eos_token_id is not a token or a list of tokens")
    }
    return tokens
  }

  /// What decides a model's numbers beyond its options: the members of its file in which it differs from a new model.
  var facts: [PolicyIdentity.Fact] {
    guard let members else { return [] }
    let ignored = TransformerOptions.names + Self.typeKeys + ["transformers_version"]
    let usual = newJSON
    let others = members.filter { !ignored.contains($0.0) && usual[$0.0] != $0.1 }
    return others.isEmpty ? [] : [PolicyIdentity.Fact("config", JSONValue.object(others).dense)]
  }

  /// Writes the file in the format of `transformers`.
  func write(_ path: String) throws { try json.write(path) }

  /// The members of the file that was read, with the type of the weights that are written, or those of a new model.
  private var json: JSONObject {
    guard let members else { return newJSON }
    return JSONObject(members.map { ($0.0, Self.typeKeys.contains($0.0) ? .string("float32") : $0.1) })
  }

  private var newJSON: JSONObject {
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
    return JSONObject(members.sorted { $0.0 < $1.0 })
  }
}
