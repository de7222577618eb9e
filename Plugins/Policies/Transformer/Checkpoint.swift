import LossKit
import LossKitHead

/// A directory in Hugging Face's layout: `config.json`, `model.safetensors` and, to continue training, `optimizer.safetensors`; or in PEFT's,
/// with an adapter in place of the first two.
struct Checkpoint {
  private static let optimizerName = "optimizer.safetensors"
  private static let meanPrefix = "exp_avg."
  private static let squarePrefix = "exp_avg_sq."

  /// The directory of the model's configuration and tokenizer; nil if it was not read.
  let base: String?
  let configuration: ModelConfiguration
  let model: LlamaModel
  /// The configuration of the model's adapter, if it has one.
  let adapter: AdapterConfiguration?
  let files: CompanionFiles
  /// Nil if no optimizer state was stored.
  let optimizer: AdamW?

  /// Reads a directory. Throws if an option the user gave differs from the stored one.
  init(reading directory: String, options: TransformerOptions, given: Set<String>) throws {
    let storedAdapter = try AdapterConfiguration(in: directory)
    let base = storedAdapter?.base ?? directory
    self.base = base
    let path = base + "/" + ModelConfiguration.fileName
    let optimizerPath = directory + "/" + Self.optimizerName
    files = try CompanionFiles(in: base)
    var configuration = try ModelConfiguration(reading: path, into: options)
    var stored = configuration.options
    try options.checkAgreement(with: stored, given: given, place: "transformer: \(path)")
    if given.contains(TransformerOptions.rounding.name) { stored.bf16 = options.bf16 }
    guard storedAdapter != nil || !options.lora.isMerged else {
      throw Failure("transformer: \(directory) has no \(AdapterConfiguration.fileName), and nothing to merge")
    }
    let isFrozen = storedAdapter == nil ? options.lora.rank > 0 : !options.lora.isMerged
    var weights = try WeightFiles.open(in: base)
    // Buffers, and the copy of the embedding that some files of tied models have.
    weights.remove { $0.hasSuffix("rotary_emb.inv_freq") || stored.architecture.isTied && $0 == "lm_head.weight" }
    try weights.check(WeightLayout(stored.architecture).tensors)
    let whole = try LlamaModel(stored.architecture, isRounded: stored.bf16, isFrozen: isFrozen)
    try weights.read(
      whole.layout.tensors, into: whole.weights, matrices: whole.layout.separatesMatrices ? whole.roundedWeights : nil)
    whole.roundWeights()
    (model, adapter) = try Self.adapted(whole, storedAdapter, in: directory, &stored, options, given)
    if File.exists(optimizerPath), isFrozen == (storedAdapter != nil) {
      let state = try Safetensors(opening: optimizerPath)
      stored.adam = try Self.settings(state, optimizerPath)
      try options.checkAgreement(with: stored, given: given, place: "transformer: \(optimizerPath)")
      optimizer = try Self.optimizer(state, stored.adam, model.trainable, optimizerPath)
    } else {
      optimizer = nil
    }
    configuration.options = stored
    self.configuration = configuration
  }

  init(
    _ configuration: ModelConfiguration, model: LlamaModel, adapter: AdapterConfiguration?, files: CompanionFiles,
    optimizer: AdamW?
  ) {
    base = nil
    self.adapter = adapter
    self.files = files
    self.configuration = configuration
    self.model = model
    self.optimizer = optimizer
  }

  /// How the model's texts become tokens: by its tokenizer, or as bytes for a model that LossKit created.
  func encoding(directory: String) throws -> any TextEncoding {
    if let encoding = try ModelEncoding(files, configuration, directory: directory) { return encoding }
    guard configuration.beginToken == Int(Token.begin), configuration.endTokens == [Int(Token.end)],
      configuration.options.architecture.vocabularySize >= Token.count
    else {
      throw Failure(
        "transformer: \(directory) has no \(CompanionFiles.tokenizerName), and is not a model over bytes; save the model's "
          + "tokenizer beside it (tokenizer.save_pretrained in transformers)")
    }
    return ByteEncoding()
  }

  /// Writes the directory's files and waits until they are on disk.
  func write(to directory: String) throws {
    if let adapter, let matrices = model.adapter {
      try AdapterFiles.write(matrices, adapter, to: directory)
    } else {
      try files.write(to: directory)
      try configuration.write(directory + "/" + ModelConfiguration.fileName)
      try Safetensors.write(
        directory + "/" + WeightFiles.name, tensors: model.layout.tensors,
        groups: [Safetensors.Group(buffer: model.weights)], metadata: ["format": "pt"])
    }
    if let optimizer {
      var metadata = ["format": "pt", "step": "\(optimizer.stepCount)"]
      for option in TransformerOptions.optimizerReals {
        metadata[option.name] = "\(configuration.options[keyPath: option.path])"
      }
      try Safetensors.write(
        directory + "/" + Self.optimizerName, tensors: model.trainable.tensors,
        groups: [
          Safetensors.Group(prefix: Self.meanPrefix, buffer: optimizer.firstMoments),
          Safetensors.Group(prefix: Self.squarePrefix, buffer: optimizer.secondMoments),
        ], metadata: metadata)
    }
    try File.synchronize(directory: directory)
  }

  private static func settings(_ state: Safetensors, _ path: String) throws -> AdamW.Settings {
    var options = TransformerOptions()
    for option in TransformerOptions.optimizerReals {
      guard let value = state.metadata[option.name].flatMap({ Double($0) }), option.bounds.contains(value) else {
        throw Failure("transformer: \(path): the metadata \(option.name) is missing or out of bounds")
      }
      options[keyPath: option.path] = value
    }
    return options.adam
  }

  private static func optimizer(
    _ state: Safetensors, _ settings: AdamW.Settings, _ trained: Trainable, _ path: String
  ) throws -> AdamW {
    guard let step = state.metadata["step"].flatMap({ Int($0) }), step >= 0 else {
      throw Failure("transformer: \(path): the metadata step is missing or not a whole number")
    }
    guard state.entries.count == 2 * trained.tensors.count else {
      throw Failure(
        "transformer: \(path): \(state.entries.count) tensors, the model needs \(2 * trained.tensors.count)")
    }
    let files = WeightFiles(state)
    for prefix in [meanPrefix, squarePrefix] { try files.check(trained.tensors, prefix: prefix) }
    let optimizer = try AdamW(settings, count: trained.count)
    try files.read(trained.tensors, prefix: meanPrefix, into: optimizer.firstMoments)
    try files.read(trained.tensors, prefix: squarePrefix, into: optimizer.secondMoments)
    optimizer.stepCount = step
    return optimizer
  }
}
