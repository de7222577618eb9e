import CLossKit

/// The id of the extension that draws responses.
package let samplingExtensionID = "losskit.sampling/1"

/// The extension of each policy that is a `ResponseSampler`.
let samplingExtension = PermanentPointer(
  pointer: UnsafeRawPointer(permanent(losskit_sampling_extension_v1(sample: samplePolicy))))

private func samplePolicy(
  _ handle: OpaquePointer?, _ sampling: UnsafePointer<losskit_sampling>?, _ prompts: UnsafePointer<losskit_text>?,
  _ count: Int, _ receive: (@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<losskit_sample>?) -> Int32)?,
  _ context: UnsafeMutableRawPointer?, _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let sampling, let receive, count == 0 || prompts != nil else { throw Failure("sample: NULL argument") }
    let texts = UnsafeBufferPointer(start: prompts, count: count).map { String($0) }
    try instance(handle).sample(texts, SamplingSettings(sampling.pointee)) { sample in
      guard let sample else { return receive(context, nil) == 0 }
      return sample.withRaw { receive(context, $0) } == 0
    }
  }
}

extension SamplingSettings {
  /// The settings of a call. Throws for those out of bounds.
  fileprivate init(_ raw: losskit_sampling) throws {
    self.init()
    samples = raw.samples
    maxTokens = raw.max_tokens
    batchSize = raw.batch_size
    topK = raw.top_k
    temperature = raw.temperature
    topP = raw.top_p
    minP = raw.min_p
    repetitionPenalty = raw.repetition_penalty
    seed = raw.seed
    firstPrompt = raw.first_prompt
    try validate()
  }
}

extension Sample {
  /// Calls `body` with the sample as a C struct.
  fileprivate func withRaw(_ body: (UnsafePointer<losskit_sample>) -> Int32) -> Int32 {
    [text].withRawTexts { texts in
      tokens.withUnsafeBufferPointer { tokens in
        withUnsafePointer(
          to: losskit_sample(
            prompt: prompt, number: number, text: texts[0], token_count: tokenCount,
            tokens: tokens.isEmpty ? nil : tokens.baseAddress, finish: finish.rawValue, policy_logp: logProbability),
          body)
      }
    }
  }
}
