import LossKit
import LossKitHead

/// A directory in Hugging Face's layout: `config.json`, `model.safetensors` and, to continue training, `optimizer.safetensors`.
struct Checkpoint {
  private static let modelName = "model.safetensors"
  private static let optimizerName = "optimizer.safetensors"
  private static let meanPrefix = "exp_avg."
  private static let squarePrefix = "exp_avg_sq."

  let options: TransformerOptions
  let model: LlamaModel
  /// Nil if no optimizer state was stored.
  let optimizer: AdamW?

  /// Reads a directory. Throws if an option the user gave differs from the stored one.
  init(reading directory: String, options: TransformerOptions, given: Set<String>) throws {
    let configuration = directory + "/" + ModelConfiguration.fileName
    let optimizerPath = directory + "/" + Self.optimizerName
    var stored = try ModelConfiguration.read(configuration, into: options)
    try options.checkAgreement(with: stored, given: given, place: "transformer: \(configuration)")
    if given.contains(TransformerOptions.rounding.name) { stored.bf16 = options.bf16 }
    let weights = try Safetensors(opening: directory + "/" + Self.modelName)
    // Allocates only what the file contains: a damaged configuration cannot request more memory.
    let layout = WeightLayout(stored.architecture)
    guard weights.dataSize == layout.count * MemoryLayout<Float>.stride else {
      throw Failure(
        "transformer: \(directory): model.safetensors holds \(weights.dataSize / 4) weights, "
          + "config.json describes \(layout.count): \(Self.difference(layout, weights))")
    }
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
    self.options = stored
  }

  init(options: TransformerOptions, model: LlamaModel, optimizer: AdamW?) {
    self.options = options
    self.model = model
    self.optimizer = optimizer
  }

  /// Writes the directory's files and waits until they are on disk.
  func write(to directory: String) throws {
    try ModelConfiguration.write(directory + "/" + ModelConfiguration.fileName, options)
    try Safetensors.write(
      directory + "/" + Self.modelName, tensors: model.layout.tensors,
      groups: [Safetensors.Group(buffer: model.weights)], metadata: ["format": "pt"])
    if let optimizer {
      var metadata = ["format": "pt", "step": "\(optimizer.stepCount)"]
      for option in TransformerOptions.optimizerReals { metadata[option.name] = "\(options[keyPath: option.path])" }
      try Safetensors.write(
        directory + "/" + Self.optimizerName, tensors: model.layout.tensors,
        groups: [
          Safetensors.Group(prefix: Self.meanPrefix, buffer: optimizer.firstMoments),
          Safetensors.Group(prefix: Self.squarePrefix, buffer: optimizer.secondMoments),
        ], metadata: metadata)
    }
    try File.synchronize(directory: directory)
  }

  /// Describes a tensor that is missing on one side, or whose shapes differ.
  private static func difference(_ layout: WeightLayout, _ file: Safetensors) -> String {
    let shapes = Dictionary(file.entries.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    for tensor in layout.tensors {
      guard let shape = shapes[tensor.name] else { return "the tensor \(tensor.name) is missing" }
      if shape != tensor.shape { return "\(tensor.name) has the shape \(shape), not \(tensor.shape)" }
    }
    let names = Set(layout.tensors.map(\.name))
    return "the tensor \(shapes.keys.filter { !names.contains($0) }.min() ?? "") has no place in this model"
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
    let optimizer = try AdamW(settings, count: layout.count)
    try state.read(layout.tensors, prefix: meanPrefix, into: optimizer.firstMoments)
    try state.read(layout.tensors, prefix: squarePrefix, into: optimizer.secondMoments)
    optimizer.stepCount = step
    return optimizer
  }
}
