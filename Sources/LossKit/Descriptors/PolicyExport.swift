import CLossKit

/// Makes the descriptor of a policy type. C functions cannot be generic; they reach the type through two base classes.
enum PolicyExport<P: LogProbabilityProvider> {
  /// The descriptor, as long as `memory`.
  static func descriptor(in memory: OwnedMemory = .lasting()) -> UnsafePointer<losskit_policy_type> {
    let isTrainable = P.self is any Policy.Type
    let defaults = P.defaultOptions
    let parameters = P.hyperparameters.map {
      memory.keep([losskit_parameter($0.description, initial: $0.initial(defaults), in: memory)])
    }
    let columns = P.columns.map { column in
      var flags: UInt32 = 0
      if column.isDifferentiable { flags |= UInt32(LOSSKIT_DIFFERENTIABLE) }
      if column.isPerReference { flags |= UInt32(LOSSKIT_PER_REFERENCE) }
      return memory.keep([
        losskit_column(
          name: memory.keep(column.name), summary: memory.keep(""), extent: column.extent.rawValue, flags: flags)
      ])
    }
    return memory.keep([
      losskit_policy_type(
        flags: isTrainable ? UInt32(LOSSKIT_TRAINABLE) : 0, name: memory.keep(P.name),
        version: memory.keep(P.version), summary: memory.keep(P.summary), citation: memory.keepUnlessEmpty(P.citation),
        documentation: memory.keepUnlessEmpty(P.documentation),
        parameter_count: parameters.count, column_count: columns.count,
        parameters: memory.keepUnlessEmpty(parameters.map { Optional($0) }),
        columns: memory.keepUnlessEmpty(columns.map { Optional($0) }),
        context: memory.keep(object: Factory<P>() as PolicyFactory),
        create: isTrainable ? createPolicy : nil, load: loadPolicy, destroy: destroyPolicy, measure: measurePolicy,
        forward: forwardPolicy, backward: isTrainable ? backwardPolicy : nil, step: isTrainable ? stepPolicy : nil,
        save: isTrainable ? savePolicy : nil, copy: isTrainable ? copyPolicy : nil,
        blend: isTrainable ? blendPolicy : nil, extension: extendPolicy)
    ])
  }

  /// The provider that a handle of this type refers to.
  static func provider(of handle: OpaquePointer) throws -> P {
    guard let instance = PolicyInstanceBase.from(handle) as? Instance<P> else {
      throw Failure("\(P.name): a reference is a policy of another type")
    }
    return instance.provider
  }
}

/// The target of a policy type's context.
private class PolicyFactory {
  var canSample: Bool { false }
  func create(_ parameters: UnsafePointer<Double>?, seed: UInt64) throws -> PolicyInstanceBase {
    throw Failure("this policy cannot be created; load it from a file")
  }
  func load(_ path: String, _ parameters: UnsafePointer<Double>?) throws -> PolicyInstanceBase {
    throw Failure("this policy cannot be loaded")
  }
}

/// The target of a handle.
class PolicyInstanceBase {
  func measure(
    _ texts: TextBatch, _ counts: UnsafeMutableBufferPointer<UInt32>, _ truncated: UnsafeMutableBufferPointer<UInt32>?
  ) throws {}
  func forward(_ frame: UnsafePointer<losskit_policy_frame>, keep: Bool) throws {}
  func backward(_ frame: UnsafePointer<losskit_policy_frame>) throws {}
  func step(_ update: PolicyUpdate) throws -> Double { 0 }
  func save(_ directory: String, withOptimizer: Bool) throws {}
  func copy() throws -> PolicyInstanceBase { self }
  func blend(with source: PolicyInstanceBase, weight: Double) throws {}
  func identity() throws -> PolicyIdentity? { nil }
  var hasChatTemplate: Bool { false }
  func render(_ conversations: [Conversation], forGeneration: Bool) throws -> [String] { [] }
  func setTextForm(_ form: TextForm) throws {}
  func sample(_ prompts: [String], _ settings: SamplingSettings, _ receive: (Sample?) throws -> Bool) throws {}

  static func from(_ handle: OpaquePointer) -> PolicyInstanceBase {
    Unmanaged<PolicyInstanceBase>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
  }

  var handle: OpaquePointer { OpaquePointer(Unmanaged.passRetained(self).toOpaque()) }
}

private final class Factory<P: LogProbabilityProvider>: PolicyFactory {
  override var canSample: Bool { P.self is any ResponseSampler.Type }

  private func options(_ parameters: UnsafePointer<Double>?) -> (P.Options, given: Set<String>) {
    var options = P.defaultOptions
    var given: Set<String> = []
    for (index, hyperparameter) in P.hyperparameters.enumerated() {
      guard let value = parameters?[index], !value.isNaN else { continue }
      hyperparameter.set(&options, value)
      given.insert(hyperparameter.description.name)
    }
    return (options, given)
  }

  override func create(_ parameters: UnsafePointer<Double>?, seed: UInt64) throws -> PolicyInstanceBase {
    func create<T: Policy>(_ type: T.Type) throws -> PolicyInstanceBase? {
      guard let options = options(parameters).0 as? T.Options else { return nil }
      return Instance(try T.create(options: options, seed: seed))
    }
    guard let type = P.self as? any Policy.Type, let instance = try create(type) else {
      throw Failure("\(P.name): it cannot be created; load it from a file")
    }
    return instance
  }

  override func load(_ path: String, _ parameters: UnsafePointer<Double>?) throws -> PolicyInstanceBase {
    let (options, given) = options(parameters)
    return Instance(try P.load(path: path, options: options, given: given))
  }
}

private final class Instance<P: LogProbabilityProvider>: PolicyInstanceBase {
  let provider: P
  init(_ provider: P) { self.provider = provider }

  private func trainable() throws -> any Policy {
    guard let policy = provider as? any Policy else { throw Failure("\(P.name): it cannot be trained") }
    return policy
  }

  override func measure(
    _ texts: TextBatch, _ counts: UnsafeMutableBufferPointer<UInt32>, _ truncated: UnsafeMutableBufferPointer<UInt32>?
  ) throws {
    try provider.measure(texts, tokenCounts: counts, truncated: truncated)
  }

  override func forward(_ frame: UnsafePointer<losskit_policy_frame>, keep: Bool) throws {
    try provider.forward(PolicyBatch(frame: frame, columns: P.columns), keepingActivations: keep)
  }

  override func backward(_ frame: UnsafePointer<losskit_policy_frame>) throws {
    try trainable().backward(PolicyBatch(frame: frame, columns: P.columns))
  }

  override func step(_ update: PolicyUpdate) throws -> Double { try trainable().step(update) }

  override func save(_ directory: String, withOptimizer: Bool) throws {
    try trainable().save(to: directory, withOptimizer: withOptimizer)
  }

  override func copy() throws -> PolicyInstanceBase {
    func copy<T: Policy>(_ policy: T) throws -> PolicyInstanceBase { Instance<T>(try policy.copy()) }
    return try copy(trainable())
  }

  override func blend(with source: PolicyInstanceBase, weight: Double) throws {
    func blend<T: Policy>(_ policy: T) throws {
      guard let source = source as? Instance<T> else {
        throw Failure("\(P.name): the weights to blend with are of another type")
      }
      try policy.blend(with: source.provider, weight: weight)
    }
    try blend(trainable())
  }

  override func identity() throws -> PolicyIdentity? { try provider.identity() }

  override var hasChatTemplate: Bool { provider.hasChatTemplate }

  override func render(_ conversations: [Conversation], forGeneration: Bool) throws -> [String] {
    try provider.render(conversations, forGeneration: forGeneration)
  }

  override func setTextForm(_ form: TextForm) throws { try provider.setTextForm(form) }

  override func sample(
    _ prompts: [String], _ settings: SamplingSettings, _ receive: (Sample?) throws -> Bool
  ) throws {
    guard let sampler = provider as? any ResponseSampler else { throw Failure("\(P.name): it draws no samples") }
    try sampler.sample(prompts, settings, receive: receive)
  }
}

// MARK: The C functions

private func factory(_ type: UnsafePointer<losskit_policy_type>?) throws -> PolicyFactory {
  guard let context = type?.pointee.context else { throw Failure("policy: NULL argument") }
  return Unmanaged<PolicyFactory>.fromOpaque(context).takeUnretainedValue()
}

func instance(_ handle: OpaquePointer?) throws -> PolicyInstanceBase {
  guard let handle else { throw Failure("policy: NULL instance") }
  return PolicyInstanceBase.from(handle)
}

private func createPolicy(
  _ type: UnsafePointer<losskit_policy_type>?, _ parameters: UnsafePointer<Double>?, _ seed: UInt64,
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) { out?.pointee = try factory(type).create(parameters, seed: seed).handle }
}

private func loadPolicy(
  _ type: UnsafePointer<losskit_policy_type>?, _ path: UnsafePointer<CChar>?, _ parameters: UnsafePointer<Double>?,
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let path else { throw Failure("policy: NULL path") }
    out?.pointee = try factory(type).load(String(cString: path), parameters).handle
  }
}

private func destroyPolicy(_ handle: OpaquePointer?) {
  guard let handle else { return }
  Unmanaged<PolicyInstanceBase>.fromOpaque(UnsafeRawPointer(handle)).release()
}

private func measurePolicy(
  _ handle: OpaquePointer?, _ texts: UnsafePointer<losskit_texts>?, _ counts: UnsafeMutablePointer<UInt32>?,
  _ truncated: UnsafeMutablePointer<UInt32>?, _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let texts, let counts else { throw Failure("measure: NULL argument") }
    let rows = texts.pointee.shape().rows
    try instance(handle).measure(
      TextBatch(texts.pointee), UnsafeMutableBufferPointer(start: counts, count: rows),
      truncated.map { UnsafeMutableBufferPointer(start: $0, count: rows) })
  }
}

private func forwardPolicy(
  _ handle: OpaquePointer?, _ frame: UnsafePointer<losskit_policy_frame>?, _ keep: Int32,
  _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let frame else { throw Failure("forward: NULL frame") }
    try instance(handle).forward(frame, keep: keep != 0)
  }
}

private func backwardPolicy(
  _ handle: OpaquePointer?, _ frame: UnsafePointer<losskit_policy_frame>?,
  _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let frame else { throw Failure("backward: NULL frame") }
    try instance(handle).backward(frame)
  }
}

private func stepPolicy(
  _ handle: OpaquePointer?, _ update: UnsafeMutablePointer<losskit_update>?,
  _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let update else { throw Failure("step: NULL update") }
    let values = update.pointee
    update.pointee.gradient_norm = try instance(handle).step(
      PolicyUpdate(
        learningRate: values.learning_rate, weightDecay: values.weight_decay,
        maxGradientNorm: values.max_gradient_norm))
  }
}

private func savePolicy(
  _ handle: OpaquePointer?, _ directory: UnsafePointer<CChar>?, _ withOptimizer: Int32,
  _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let directory else { throw Failure("save: NULL directory") }
    try instance(handle).save(String(cString: directory), withOptimizer: withOptimizer != 0)
  }
}

private func copyPolicy(
  _ handle: OpaquePointer?, _ out: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) { out?.pointee = try instance(handle).copy().handle }
}

private func blendPolicy(
  _ target: OpaquePointer?, _ source: OpaquePointer?, _ weight: Double,
  _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) { try instance(target).blend(with: instance(source), weight: weight) }
}

/// The id of the extension that returns an instance's identity.
package let identityExtensionID = "losskit.identity/1"

/// `extension` of every Swift policy.
private func extendPolicy(
  _ type: UnsafePointer<losskit_policy_type>?, _ id: UnsafePointer<CChar>?
) -> UnsafeRawPointer? {
  guard let id else { return nil }
  switch String(cString: id) {
  case identityExtensionID: return identityExtension.pointer
  case chatExtensionID: return chatExtension.pointer
  case samplingExtensionID: return (try? factory(type))?.canSample == true ? samplingExtension.pointer : nil
  default: return nil
  }
}

private let identityExtension = PermanentPointer(
  pointer: UnsafeRawPointer(permanent(losskit_identity_extension_v1(describe: describePolicy))))

/// Passes neither facts nor an identity for an instance that states none.
private func describePolicy(
  _ handle: OpaquePointer?,
  _ receive: (
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<losskit_fact>?, Int, UnsafePointer<losskit_text>?) -> Void
  )?, _ context: UnsafeMutableRawPointer?, _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let receive else { throw Failure("describe: NULL argument") }
    let identity = try instance(handle).identity()
    let facts = identity?.facts ?? []
    let digest = identity?.digest
    let texts = facts.flatMap { [$0.name, $0.value] } + (digest.map { [$0] } ?? [])
    texts.withRawTexts { texts in
      let borrowed = facts.indices.map { losskit_fact(name: texts[2 * $0], value: texts[2 * $0 + 1]) }
      borrowed.withUnsafeBufferPointer { borrowed in
        let digest = digest == nil ? nil : texts.baseAddress.map { $0 + 2 * facts.count }
        receive(context, borrowed.baseAddress, borrowed.count, digest)
      }
    }
  }
}
