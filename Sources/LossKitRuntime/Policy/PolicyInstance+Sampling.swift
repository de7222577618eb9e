import CLossKit
public import LossKit

extension LoadedPolicyType {
  /// Whether its library implements the sampling extension.
  public var canSample: Bool { extensionPointer(samplingExtensionID) != nil }
}

extension PolicyInstance {
  /// Draws responses to prompts and passes each to `receive`, in any order, and now and then nil; ends as soon as `receive` returns false.
  ///
  /// Returns whether all samples were drawn. Throws what the policy reports and what `receive` throws; for settings out of bounds, a policy
  /// that draws no samples, and samples that violate the ABI.
  @discardableResult
  public func sample(
    _ prompts: [String], _ settings: SamplingSettings, receive: (Sample?) throws -> Bool
  ) throws -> Bool {
    guard
      let sample = type.extensionPointer(samplingExtensionID)?.assumingMemoryBound(
        to: losskit_sampling_extension_v1.self
      ).pointee.sample
    else { throw Failure("policy \(type.name): it draws no samples (it lacks the extension \(samplingExtensionID))") }
    try settings.validate()
    return try withoutActuallyEscaping(receive) { receive in
      let receiver = SampleReceiver(prompts: prompts.count, settings: settings, receive)
      try prompts.withRawTexts { borrowed in
        try withUnsafePointer(to: settings.raw) { raw in
          try withPolicy(promptCount: prompts.count) { policy, error in
            sample(
              policy, raw, borrowed.baseAddress, borrowed.count, { SampleReceiver.receive($0, $1) },
              Unmanaged.passUnretained(receiver).toOpaque(), error)
          }
        }
      }
      if let failure = receiver.failure { throw failure }
      guard receiver.isStopped || receiver.count == prompts.count * settings.samples else {
        throw Failure(
          "policy \(type.name): it drew \(receiver.count) samples of \(prompts.count * settings.samples) and reported success"
        )
      }
      return !receiver.isStopped
    }
  }
}

extension SamplingSettings {
  /// The settings as a C struct.
  fileprivate var raw: losskit_sampling {
    losskit_sampling(
      samples: samples, max_tokens: maxTokens, batch_size: batchSize, top_k: topK, temperature: temperature,
      top_p: topP,
      min_p: minP, repetition_penalty: repetitionPenalty, seed: seed, first_prompt: firstPrompt)
  }
}

/// Takes samples during the plugin's call, which owns them.
private final class SampleReceiver {
  private let settings: SamplingSettings
  private let forward: (Sample?) throws -> Bool
  /// Which samples of which prompts are drawn.
  private var drawn: [Bool]
  private let prompts: Int
  private(set) var isStopped = false
  private(set) var failure: (any Error)?
  private(set) var count = 0

  init(prompts: Int, settings: SamplingSettings, _ forward: @escaping (Sample?) throws -> Bool) {
    self.prompts = prompts
    self.settings = settings
    self.forward = forward
    drawn = Array(repeating: false, count: prompts * settings.samples)
  }

  static func receive(_ context: UnsafeMutableRawPointer?, _ sample: UnsafePointer<losskit_sample>?) -> Int32 {
    guard let context else { return 1 }
    return Unmanaged<SampleReceiver>.fromOpaque(context).takeUnretainedValue().receive(sample?.pointee) ? 0 : 1
  }

  /// Returns whether to go on.
  private func receive(_ sample: losskit_sample?) -> Bool {
    guard !isStopped else { return false }
    do {
      isStopped = try !forward(sample.map(taken))
    } catch {
      failure = error
      isStopped = true
    }
    return !isStopped
  }

  /// A copy of a sample. Throws if it violates the ABI.
  private func taken(_ raw: losskit_sample) throws -> Sample {
    guard (0..<prompts).contains(raw.prompt), (0..<settings.samples).contains(raw.number) else {
      throw Failure(
        "the policy drew sample \(UInt(bitPattern: raw.number)) of prompt \(UInt(bitPattern: raw.prompt)), which was not asked for"
      )
    }
    let place = raw.prompt * settings.samples + raw.number
    func check(_ holds: Bool, _ problem: String) throws {
      if !holds {
        throw Failure("the policy's sample \(raw.number) of prompt \(raw.prompt + 1): \(problem)", prompt: raw.prompt)
      }
    }
    try check(!drawn[place], "it was drawn twice")
    try check(
      (0...settings.maxTokens).contains(raw.token_count),
      "it has \(UInt(bitPattern: raw.token_count)) tokens of at most \(settings.maxTokens)")
    try check(
      raw.policy_logp.isFinite && raw.policy_logp <= 1e-6, "its log-probability is \(roundTripDecimal(raw.policy_logp))"
    )
    try check(raw.text.length >= 0 && (raw.text.length == 0 || raw.text.bytes != nil), "its text has no memory")
    let text = String(validating: raw.text)
    let finish = Sample.Finish(rawValue: raw.finish)
    guard let text, let finish else {
      try check(text != nil, "its text is not UTF-8")
      throw Failure(
        "the policy's sample \(raw.number) of prompt \(raw.prompt + 1): its finish is \(raw.finish)", prompt: raw.prompt
      )
    }
    drawn[place] = true
    count += 1
    return Sample(
      prompt: raw.prompt, number: raw.number, text: text, tokenCount: raw.token_count,
      tokens: Array(UnsafeBufferPointer(start: raw.tokens, count: raw.tokens == nil ? 0 : raw.token_count)),
      finish: finish,
      logProbability: raw.policy_logp)
  }
}
