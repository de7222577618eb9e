import LossKit

/// The options of a transformer, named as in Hugging Face's `LlamaConfig` and `TrainingArguments`.
public struct TransformerOptions: Sendable, Equatable {
  var architecture = Architecture()
  var adam = AdamW.Settings()
  /// The standard deviation of new weights.
  var initializerRange = 0.02
  /// Whether matrix products use bfloat16.
  var bf16 = false
  /// The context that texts are cut to, if it is less than the model's.
  var maxLength = 1024

  /// How an adapter is trained in place of all weights.
  var lora = LoRASettings()

  /// The context that texts are cut to, in tokens.
  var context: Int { min(maxLength, architecture.contextLength) }

  /// An option's name, key path, allowed range and description.
  typealias Integer = (
    name: String, path: any WritableKeyPath<Self, Int> & Sendable, range: ClosedRange<Int>, summary: String
  )
  /// See `Integer`.
  typealias Real = (name: String, path: any WritableKeyPath<Self, Double> & Sendable, bounds: Bounds, summary: String)

  /// The integers of the architecture.
  static let integers: [Integer] = [
    (
      "vocab_size", \.architecture.vocabularySize, Token.count...1_048_576,
      "rows of the embedding and of the head; texts use the first \(Token.count)"
    ),
    ("hidden_size", \.architecture.hiddenSize, 2...65_536, "width of the residual stream"),
    ("intermediate_size", \.architecture.intermediateSize, 1...1_048_576, "width of the feed-forward part"),
    ("num_hidden_layers", \.architecture.layerCount, 1...1024, "number of layers"),
    ("num_attention_heads", \.architecture.headCount, 1...4096, "number of query heads"),
    (
      "num_key_value_heads", \.architecture.keyValueHeadCount, 1...4096,
      "number of key and value heads, each shared by equally many query heads"
    ),
    (
      "max_position_embeddings", \.architecture.contextLength, 4...1_048_576,
      "the largest context of the model, in tokens"
    ),
  ]

  /// The context of texts. It belongs to a run, not to the model.
  static let maxLength: Integer = (
    "max_length", \.maxLength, 2...1_048_576,
    "the context in tokens, up to max_position_embeddings: what is longer is cut, responses at their end, prompts at their beginning"
  )

  /// The real numbers that log-probabilities depend on.
  static let computationReals: [Real] = [
    ("rope_theta", \.architecture.ropeTheta, .positive, "base of the rotary positions' wavelengths"),
    ("rms_norm_eps", \.architecture.normEpsilon, .closed(1e-30, 1), "added to the mean square in RMSNorm"),
  ]

  /// The real numbers of the architecture.
  static let reals =
    computationReals + [
      ("initializer_range", \.initializerRange, .positive, "standard deviation of fresh weights")
    ]

  /// The settings of the optimizer.
  static let optimizerReals: [Real] = [
    ("adam_beta1", \.adam.beta1, .halfOpen(0, 1), "decay of AdamW's mean of the gradient"),
    ("adam_beta2", \.adam.beta2, .halfOpen(0, 1), "decay of AdamW's mean of the squared gradient"),
    ("adam_epsilon", \.adam.epsilon, .closed(1e-30, 1), "added to the denominator of AdamW's update"),
  ]

  static let tie = (
    name: "tie_word_embeddings", path: \Self.architecture.isTied as any WritableKeyPath<Self, Bool> & Sendable,
    summary: "whether the output head is the embedding"
  )

  /// The precision of products. It belongs to a run rather than to the weights, which are floats in any case, so it may differ from the
  /// value in a checkpoint if given.
  static let rounding = (
    name: "bf16", path: \Self.bf16 as any WritableKeyPath<Self, Bool> & Sendable,
    summary:
      "whether matrix products are of bfloat16, summed up as floats; weights, optimizer and all else stay float32"
  )

  /// The rank of an adapter.
  static let loraRank: Integer = (
    "lora_rank", \.lora.rank, 0...65_536,
    "rank of the matrices that are trained in place of a loaded model's weights (LoRA); 0 trains all weights"
  )
  /// The factor of an adapter.
  static let loraAlpha: Real = (
    "lora_alpha", \.lora.alpha, .positive, "factor on LoRA's matrices, divided by the rank"
  )
  /// The other settings of an adapter.
  static let loraFlags: [(name: String, path: any WritableKeyPath<Self, Bool> & Sendable, summary: String)] = [
    ("lora_rslora", \.lora.usesRSLoRA, "whether lora_alpha is divided by the root of the rank"),
    ("lora_merge", \.lora.isMerged, "whether a loaded adapter is merged into its base, to be saved as one model"),
  ]

  /// The names of the options that a configuration stores.
  static let names = integers.map(\.name) + reals.map(\.name) + [tie.name, rounding.name]

  /// All options.
  static let hyperparameters =
    (integers + [maxLength, loraRank]).map { Hyperparameter<Self>($0.name, $0.path, in: $0.range, $0.summary) }
    + [Hyperparameter<Self>(tie.name, tie.path, tie.summary)]
    + [Hyperparameter<Self>(rounding.name, rounding.path, rounding.summary)]
    + loraFlags.map { Hyperparameter<Self>($0.name, $0.path, $0.summary) }
    + (reals + optimizerReals + [loraAlpha]).map { Hyperparameter<Self>($0.name, $0.path, in: $0.bounds, $0.summary) }
}

extension TransformerOptions {
  /// Throws if an option the user set differs from the stored one, naming both values.
  func checkAgreement(with stored: Self, given: Set<String>, place: String) throws {
    func check<Value: Equatable>(_ name: String, _ path: KeyPath<Self, Value>) throws {
      guard given.contains(name), self[keyPath: path] != stored[keyPath: path] else { return }
      throw Failure(
        "\(place) has \(name) \(stored[keyPath: path]), not \(self[keyPath: path]); leave the option out or start afresh"
      )
    }
    for option in Self.integers + [Self.loraRank] { try check(option.name, option.path) }
    for option in Self.reals + Self.optimizerReals + [Self.loraAlpha] { try check(option.name, option.path) }
    try check(Self.tie.name, Self.tie.path)
    for option in Self.loraFlags { try check(option.name, option.path) }
  }
}
