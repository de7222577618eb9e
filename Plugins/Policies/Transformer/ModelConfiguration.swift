import LossKit

/// `config.json` of a Hugging Face Llama checkpoint.
enum ModelConfiguration {
  static let fileName = "config.json"
  /// A file of ours has less than 2 KB.
  private static let largestSize = 1 << 20

  /// Reads the architecture into a copy of `options`; what this model cannot do is an error that names the key.
  static func read(_ path: String, into options: TransformerOptions) throws -> TransformerOptions {
    let file = try File.reading(path)
    let place = "transformer: \(path)"
    let size = try file.size()
    guard size <= largestSize else { throw Failure("\(place): \(size) bytes are too many for a model's configuration") }
    var bytes = [UInt8](repeating: 0, count: size)
    try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    let json = try bytes.withUnsafeBytes { try JSON(parsing: $0, place: place) }
    try checkKind(json, place)
    var result = options
    for option in TransformerOptions.integers {
      result[keyPath: option.path] = try integer(json, option, place)
    }
    for option in TransformerOptions.reals {
      guard let value = json[option.name] ?? fallback(option.name, json) else {
        if option.name == "initializer_range" { continue }
        throw Failure("\(place): \(option.name) is missing")
      }
      guard let number = value.real, option.bounds.contains(number) else {
        throw Failure("\(place): \(option.name) is \(value.compact), which is out of bounds")
      }
      result[keyPath: option.path] = number
    }
    switch json[TransformerOptions.tie.name] {
    case .boolean(let value)?: result[keyPath: TransformerOptions.tie.path] = value
    case nil: result[keyPath: TransformerOptions.tie.path] = false
    case let value?: throw Failure("\(place): \(TransformerOptions.tie.name) is \(value.compact), not true or false")
    }
    try result.architecture.validate()
    if let size = json["head_dim"], size != .null, size.integer != result.architecture.headSize {
      throw Failure("\(place): head_dim is \(size.compact); this model needs hidden_size / num_attention_heads")
    }
    return result
  }

  private static func integer(_ json: JSON, _ option: TransformerOptions.Integer, _ place: String) throws -> Int {
    guard let value = json[option.name] ?? fallback(option.name, json) else {
      throw Failure("\(place): \(option.name) is missing")
    }
    guard let number = value.integer, option.range.contains(number) else {
      throw Failure("\(place): \(option.name) is \(value.compact), not a whole number within \(option.range)")
    }
    return number
  }

  /// Where a value may stand instead: as many key heads as query heads in old files, rotary numbers together in new ones.
  private static func fallback(_ name: String, _ json: JSON) -> JSON? {
    switch name {
    case "num_key_value_heads": json["num_attention_heads"]
    case "rope_theta": json["rope_parameters"]?["rope_theta"]
    default: nil
    }
  }

  /// What must be so for this model to compute what the checkpoint means.
  private static func checkKind(_ json: JSON, _ place: String) throws {
    func require(_ name: String, _ value: JSON, orMissing: Bool = true) throws {
      guard let found = json[name], !(orMissing && found == .null) else {
        if orMissing { return }
        throw Failure("\(place): \(name) is missing; this model needs \(value.compact)")
      }
      guard found == value || (found.integer != nil && found.integer == value.integer) else {
        throw Failure("\(place): \(name) is \(found.compact); this model needs \(value.compact)")
      }
    }
    try require("model_type", .string("llama"), orMissing: false)
    try require("vocab_size", .number("\(Token.vocabularySize)"), orMissing: false)
    try require("bos_token_id", .number("\(Token.begin)"), orMissing: false)
    try require("eos_token_id", .number("\(Token.end)"), orMissing: false)
    try require("hidden_act", .string("silu"))
    try require("attention_bias", .boolean(false))
    try require("mlp_bias", .boolean(false))
    try require("rope_scaling", .null)
    if let kind = json["rope_parameters"]?["rope_type"], kind != .string("default") {
      throw Failure("\(place): rope_type is \(kind.compact); this model needs \"default\"")
    }
  }

  /// Writes the file as `transformers` reads it.
  static func write(_ path: String, _ options: TransformerOptions) throws {
    var members: [(String, JSON)] = [
      ("architectures", .array([.string("LlamaForCausalLM")])), ("model_type", .string("llama")),
      ("torch_dtype", .string("float32")), ("hidden_act", .string("silu")), ("attention_bias", .boolean(false)),
      ("attention_dropout", .number("0.0")), ("mlp_bias", .boolean(false)), ("rope_scaling", .null),
      ("use_cache", .boolean(true)), ("head_dim", .number("\(options.architecture.headSize)")),
      ("vocab_size", .number("\(Token.vocabularySize)")), ("bos_token_id", .number("\(Token.begin)")),
      ("eos_token_id", .number("\(Token.end)")), ("pad_token_id", .number("\(Token.padding)")),
      (TransformerOptions.tie.name, .boolean(options[keyPath: TransformerOptions.tie.path])),
    ]
    members += TransformerOptions.integers.map { ($0.name, .number("\(options[keyPath: $0.path])")) }
    members += TransformerOptions.reals.map { ($0.name, .number("\(options[keyPath: $0.path])")) }
    let lines = members.sorted { $0.0 < $1.0 }.map { "  \"\($0.0)\": \($0.1.compact)" }
    let text = "{\n" + lines.joined(separator: ",\n") + "\n}\n"
    try Array(text.utf8).withUnsafeBytes { try File.write(path, [$0]) }
  }
}
