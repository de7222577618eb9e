import LossKit
import LossKitJSON

/// What PEFT can do beyond plain LoRA, and is refused by name.
enum AdapterFeatures {
  /// Keys that must be absent, null, false or empty.
  private static let unused = [
    "alora_invocation_tokens", "arrow_config", "fan_in_fan_out", "layer_replication", "lora_bias", "megatron_config",
    "modules_to_save", "monteclora_config", "target_parameters", "trainable_token_indices", "use_bdlora", "use_dora",
    "use_qalora", "velora_config",
  ]
  /// Initial values of the matrices that leave the base as it is. Others change its weights, which files of PEFT do not contain.
  private static let initializations = ["gaussian", "eva", "orthogonal"]

  /// Parts of tensors' names, and the feature that they belong to.
  private static let tensors = [
    ("lora_embedding_", "adapters of the embedding"), ("lora_A.bias", "biases of adapters (lora_bias)"),
    ("lora_B.bias", "biases of adapters (lora_bias)"), ("lora_magnitude_vector", "DoRA (use_dora)"),
    ("modules_to_save", "whole modules (modules_to_save)"),
  ]

  /// Throws, naming the key, for a configuration of another method.
  static func check(_ keys: ConfigurationKeys) throws {
    guard try keys.text("peft_type") == "LORA" else {
      throw Failure("peft_type is \(keys.json.text(of: "peft_type")); only \"LORA\" is supported")
    }
    if let bias = try keys.text("bias"), bias != "none" {
      throw Failure("bias is \"\(bias)\"; only \"none\" is supported")
    }
    for name in unused {
      switch keys.json.value(name) {
      case nil, .bool(false): continue
      case .array(let list) where list.isEmpty: continue
      case .object(let object) where object.members.isEmpty: continue
      default:
        throw Failure("\(name) is \(keys.json.text(of: name)), which is not supported; train the adapter without it")
      }
    }
    let start = keys.json.value("init_lora_weights")
    if let name = start?.string, !initializations.contains(name) {
      throw Failure("init_lora_weights is \"\(name)\", which changes the base model; convert the adapter to plain LoRA")
    }
  }

  /// Throws, naming the tensor, for tensors of another method.
  static func check(tensors names: [String], _ path: String) throws {
    for name in names.sorted() {
      guard let feature = tensors.first(where: { name.contains($0.0) })?.1 else { continue }
      throw Failure("transformer: \(path): the tensor \(name) belongs to \(feature), not supported here")
    }
  }
}
