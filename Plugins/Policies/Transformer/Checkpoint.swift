import LossKit
import LossKitHead

/// A directory in Hugging Face's layout: `config.json`, `model.safetensors` and, to continue training, `optimizer.safetensors`.
struct Checkpoint {
  private static let optimizerName = "optimizer.safetensors"
  private static let meanPrefix = "exp_avg."
  private static let squarePrefix = "exp_avg_sq."

  let configuration: ModelConfiguration
  let model: LlamaModel
  let files: CompanionFiles
  /// Nil if no optimizer state was stored.
  let optimizer: AdamW?

  /// Reads a directory. Throws if an option the user gave differs from the stored one.
  init(reading directory: String, options: TransformerOptions, given: Set<String>) throws {
    let path = directory + "/" + ModelConfiguration.fileName
    let optimizerPath = directory + "/" + Self.optimizerName
    files = try CompanionFiles(in: directory)
    var configuration = try ModelConfiguration(reading: path, into: options)
    var stored = configuration.options
    try options.checkAgreement(with: stored, given: given, place: "transformer: \(path)")
    if given.contains(TransformerOptions.rounding.name) { stored.bf16 = options.bf16 }
    let layout = WeightLayout(stored.architecture)
    var weights = try WeightFiles.open(in: directory)
    // Buffers, and the copy of the embedding that some files of tied models have.
    weights.remove { $0.hasSuffix("rotary_emb.inv_freq") || stored.architecture.isTied && $0 == "lm_head.weight" }
    try weights.check(layout.tensors)
    model = try LlamaModel(stored.architecture, isRounded: stored.bf16)
    try weights.read(layout.tensors, into: model.weights)
    model.roundWeights()
    if File.exists(optimizerPath) {
      let state = try Safetensors(opening: optimizerPath)
      stored.adam = try Self.settings(state, optimizerPath)
      try options.checkAgreement(with: stored, given: given, place: "transformer: \(optimizerPath)")
      optimizer = try Self.optimizer(state, stored.adam, layout, optimizerPath)
    } else {
      optimizer = nil
    }
    configuration.options = stored
    self.configuration = configuration
  }

  init(_ configuration: ModelConfiguration, model: LlamaModel, files: CompanionFiles, optimizer: AdamW?) {
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
    try files.write(to: directory)
    try configuration.write(directory + "/" + ModelConfiguration.fileName)
    try Safetensors.write(
      directory + "/" + WeightFiles.name, tensors: model.layout.tensors,
      groups: [Safetensors.Group(buffer: model.weights)], metadata: ["format": "pt"])
    if let optimizer {
      var metadata = ["format": "pt", "step": "\(optimizer.stepCount)"]
      for option in TransformerOptions.optimizerReals {
        metadata[option.name] = "\(configuration.options[keyPath: option.path])"
      }
      try Safetensors.write(
        directory + "/" + Self.optimizerName, tensors: model.layout.tensors,
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
    _ state: Safetensors, _ settings: AdamW.Settings, _ layout: WeightLayout, _ path: String
  ) throws -> AdamW {
    guard let step = state.metadata["step"].flatMap({ Int($0) }), step >= 0 else {
      throw Failure("transformer: \(path): the metadata step is missing or not a whole number")
    }
    guard state.entries.count == 2 * layout.tensors.count else {
      throw Failure(
        "transformer: \(path): \(state.entries.count) tensors, the model needs \(2 * layout.tensors.count)")
    }
    let files = WeightFiles(state)
    for prefix in [meanPrefix, squarePrefix] { try files.check(layout.tensors, prefix: prefix) }
    let optimizer = try AdamW(settings, count: layout.count)
    try files.read(layout.tensors, prefix: meanPrefix, into: optimizer.firstMoments)
    try files.read(layout.tensors, prefix: squarePrefix, into: optimizer.secondMoments)
    optimizer.stepCount = step
    return optimizer
  }
}
