public import LossKit

extension Transformer: ResponseSampler {
  /// Samples with a cache of keys and values: a prompt is read once for all its responses, and up to `batchSize` responses grow together.
  /// With other batch sizes, sums in another order may change a token where two are almost equally likely.
  ///
  /// A response ends at any end token of `config.json`, `generation_config.json` or the tokenizer.
  public func sample(_ prompts: [String], _ settings: SamplingSettings, receive: (Sample?) throws -> Bool) throws {
    let ends = try EndTokens(configuration, files, encoding).all
    let sampler = try ModelSampler(model, encoding, endTokens: ends, context: context, settings)
    try sampler.run(prompts, receive: receive)
  }
}
