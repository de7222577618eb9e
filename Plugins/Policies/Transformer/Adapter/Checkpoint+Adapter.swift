import LossKit

extension Checkpoint {
  /// A model that was read with the adapter that is stored in a directory, or a new one, or as it is. Sets the adapter's options in
  /// `result`, and throws if one that the user gave differs from the stored one.
  static func adapted(
    _ whole: LlamaModel, _ stored: AdapterConfiguration?, in directory: String, _ result: inout TransformerOptions,
    _ options: TransformerOptions, _ given: Set<String>
  ) throws -> (LlamaModel, AdapterConfiguration?) {
    guard let stored else {
      guard options.lora.rank > 0 else { return (whole, nil) }
      let (adapter, configuration) = try AdapterFiles.create(options.lora, base: whole, directory: directory)
      return (LlamaModel(sharing: whole, adapter: adapter), configuration)
    }
    let adapter = try AdapterFiles.read(in: directory, stored, base: whole)
    if options.lora.isMerged {
      try whole.merge(adapter)
      result.lora = LoRASettings()
      return (whole, nil)
    }
    result.lora = stored.settings
    let place = "transformer: \(directory)/\(AdapterConfiguration.fileName)"
    try options.checkAgreement(with: result, given: given, place: place)
    return (LlamaModel(sharing: whole, adapter: adapter), stored)
  }
}
