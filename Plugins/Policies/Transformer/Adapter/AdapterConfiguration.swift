import LossKit
import LossKitJSON
import LossKitSystem
import LossKitTokenizer

/// The `adapter_config.json` of PEFT. The projections are those of the file of tensors; the configuration has their ranks and factors.
struct AdapterConfiguration: Sendable {
  static let fileName = "adapter_config.json"
  private static let largestSize = 1 << 22
  private static let baseKey = "base_model_name_or_path"

  /// A value for the modules that match an expression.
  private struct Pattern<Value: Sendable>: Sendable {
    let expression: RegularExpression
    let value: Value
  }

  let settings: LoRASettings
  /// The directory of the base model.
  let base: String
  private var rankPatterns: [Pattern<Int>] = []
  private var alphaPatterns: [Pattern<Double>] = []
  /// The members of the file, all of which are written back.
  private let members: [(String, JSONValue)]

  /// The configuration of a new adapter of a model that was read from `base`.
  init(_ settings: LoRASettings, base: String, modules: [String]) throws {
    self.settings = settings
    self.base = try Self.absolute(base)
    let names = Set(modules.map(LoRATargets.lastName)).sorted()
    members = [
      ("alpha_pattern", .object([])), (Self.baseKey, .string(self.base)), ("bias", .string("none")),
      ("exclude_modules", .null), ("fan_in_fan_out", .bool(false)), ("inference_mode", .bool(true)),
      ("init_lora_weights", .bool(true)), ("layers_pattern", .null), ("layers_to_transform", .null),
      ("lora_alpha", .number(settings.alpha)), ("lora_dropout", .number(0)), ("modules_to_save", .null),
      ("peft_type", .string("LORA")), ("r", .number(settings.rank)), ("rank_pattern", .object([])),
      ("target_modules", .array(names.map(JSONValue.string))), ("task_type", .string("CAUSAL_LM")),
      ("use_dora", .bool(false)), ("use_rslora", .bool(settings.usesRSLoRA)),
    ]
  }

  /// Reads the file in a directory; nil if it has none. Throws, naming the key, for what is not supported.
  init?(in directory: String) throws {
    let path = directory + "/" + Self.fileName
    guard File.exists(path) else { return nil }
    self = try JSONObject.read(file: path, limit: Self.largestSize, kind: "a configuration") {
      try Self($0, directory: directory)
    }
  }

  private init(_ json: JSONObject, directory: String) throws {
    let keys = ConfigurationKeys(json)
    try AdapterFeatures.check(keys)
    guard let rank = try keys.integer("r", in: 1...65_536) else { throw Failure("r is missing") }
    var settings = LoRASettings(rank: rank)
    settings.alpha = try keys.real("lora_alpha") ?? 8
    settings.usesRSLoRA = try keys.flag("use_rslora") ?? false
    self.settings = settings
    for (expression, key, keys) in try Self.patterns(keys, "rank_pattern") {
      guard let rank = try keys.integer(key, in: 1...65_536) else { continue }
      rankPatterns.append(Pattern(expression: expression, value: rank))
    }
    for (expression, key, keys) in try Self.patterns(keys, "alpha_pattern") {
      guard let alpha = try keys.real(key) else { continue }
      alphaPatterns.append(Pattern(expression: expression, value: alpha))
    }
    base = try Self.base(try keys.text(Self.baseKey), of: directory)
    members = json.members.map { ($0.key, $0.value) }
  }

  /// The directory of the base model. Throws, saying how to name it, if there is none.
  private static func base(_ name: String?, of directory: String) throws -> String {
    let remedy = "set it to the directory of the base model, absolute or relative to the adapter's"
    guard let name, !name.isEmpty else { throw Failure("\(baseKey) is missing; \(remedy)") }
    let path = name.hasPrefix("/") ? name : directory + "/" + name
    guard Files.isDirectory(path) else {
      throw Failure("\(baseKey) is \"\(name)\", which is no directory here; \(remedy)")
    }
    guard !File.exists(path + "/" + fileName) || File.exists(path + "/" + ModelConfiguration.fileName) else {
      throw Failure("\(baseKey) is \"\(name)\", which is an adapter; merge that one first, and name the merged model")
    }
    return try absolute(path)
  }

  private static func absolute(_ path: String) throws -> String {
    guard let resolved = realpath(path, nil) else { throw Failure("transformer: \(path) does not exist") }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// The expressions of a member like `rank_pattern`, in order, each with its key and the object it is in.
  private static func patterns(
    _ keys: ConfigurationKeys, _ name: String
  ) throws -> [(RegularExpression, String, ConfigurationKeys)] {
    guard let object = try keys.object(name) else { return [] }
    return try object.json.keys.map { key in
      do {
        return (try RegularExpression("^(.*\\.)?(\(key))$"), key, object)
      } catch let failure as Failure {
        throw Failure("\(name): \(failure.message)")
      }
    }
  }

  /// The rank and factor of a module.
  func setting(ofModule module: String) throws -> AdapterLayout.Setting {
    let rank = try rankPatterns.first { try $0.expression.matches(module) }?.value ?? settings.rank
    let alpha = try alphaPatterns.first { try $0.expression.matches(module) }?.value ?? settings.alpha
    return AdapterLayout.Setting(rank: rank, scale: settings.scale(rank: rank, alpha: alpha))
  }

  /// Writes the file, with the base model's directory as it was found.
  func write(_ path: String) throws {
    var members = members.filter { $0.0 != Self.baseKey }
    members.append((Self.baseKey, .string(base)))
    try JSONObject(members.sorted { $0.0 < $1.0 }).write(path)
  }
}
