import LossKit
import LossKitHead

/// The two files of an adapter in PEFT's layout.
enum AdapterFiles {
  static let weightsName = "adapter_model.safetensors"
  /// The seed of new matrices.
  private static let seed: UInt64 = 0

  /// A new adapter of a model, which adds nothing yet, and its configuration.
  static func create(
    _ settings: LoRASettings, base: LlamaModel, directory: String
  ) throws -> (Adapter, AdapterConfiguration) {
    let modules = try settings.targets.select(
      from: AdapterLayout.matrices(of: base.layout).map(AdapterLayout.module))
    let configuration = try AdapterConfiguration(settings, base: directory, modules: modules)
    let layout = try layout(of: base, configuration, modules: modules)
    let adapter = try Adapter(layout, isRounded: base.isRounded)
    adapter.initialize(seed: seed)
    return (adapter, configuration)
  }

  /// Reads the adapter of a model. The tensors say which projections it has. Throws, naming the tensor, if one does not fit the model.
  static func read(
    in directory: String, _ configuration: AdapterConfiguration, base: LlamaModel
  ) throws -> Adapter {
    let path = directory + "/" + weightsName
    guard File.exists(path) || !File.exists(directory + "/adapter_model.bin") else {
      throw Failure(
        "transformer: \(path) is missing; save the adapter with safetensors (safe_serialization=True in PEFT)")
    }
    let files = WeightFiles(
      try Safetensors(opening: path), shapesFrom: "the base model and \(AdapterConfiguration.fileName) say")
    try AdapterFeatures.check(tensors: files.names, path)
    let present = Set(files.names)
    let modules = AdapterLayout.matrices(of: base.layout).map(AdapterLayout.module).filter { module in
      let names = AdapterLayout.names(ofModule: module)
      return present.contains(names.a) || present.contains(names.b)
    }
    let layout = try layout(of: base, configuration, modules: modules)
    try files.check(layout.tensors)
    guard layout.count > 0 else { throw Failure("transformer: \(path) has no tensors") }
    let adapter = try Adapter(layout, isRounded: base.isRounded)
    try files.read(layout.tensors, into: adapter.weights)
    adapter.roundWeights()
    return adapter
  }

  /// Writes both files.
  static func write(_ adapter: Adapter, _ configuration: AdapterConfiguration, to directory: String) throws {
    try configuration.write(directory + "/" + AdapterConfiguration.fileName)
    try Safetensors.write(
      directory + "/" + weightsName, tensors: adapter.layout.tensors,
      groups: [Safetensors.Group(buffer: adapter.weights)], metadata: ["format": "pt"])
  }

  private static func layout(
    of base: LlamaModel, _ configuration: AdapterConfiguration, modules: [String]
  ) throws -> AdapterLayout {
    var settings: [String: AdapterLayout.Setting] = [:]
    for module in modules { settings[module] = try configuration.setting(ofModule: module) }
    return AdapterLayout(base.layout, base.architecture) { settings[$0] }
  }
}
