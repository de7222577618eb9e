import CLossKit
public import LossKit

/// An instance of a policy that was created or loaded, seen from the host.
///
/// Use an instance from one thread at a time; two instances may be used at once. Failures begin with the policy's name
/// and carry the index of the prompt they concern.
public final class PolicyInstance {
  /// The policy type.
  public let type: LoadedPolicyType
  /// The options that it was created or loaded with; a copy has those of its original.
  public let options: [String: Double]

  private let policy: OpaquePointer

  init(_ policy: OpaquePointer, type: LoadedPolicyType, options: [String: Double]) {
    self.policy = policy
    self.type = type
    self.options = options
  }

  deinit { PluginCall.track(place, of: type.library) { type.descriptor.pointee.destroy?(policy) } }

  private var place: String { "policy \(type.name)" }

  /// Counts the tokens of each response, its end token included, after truncation, and how many tokens of prompt and
  /// response were cut to fit; both [K·G], rank-major, 0 if a prompt has no such response. Throws for an empty
  /// response.
  public func measure(_ texts: Texts) throws -> (tokenCounts: [UInt32], truncated: [UInt32]) {
    guard let measure = type.descriptor.pointee.measure else { throw cannot("measure texts") }
    let count = texts.withShape(\.rows)
    var tokenCounts = [UInt32](repeating: 0, count: count)
    var truncated = [UInt32](repeating: 0, count: count)
    try texts.withTexts { borrowed in
      try withUnsafePointer(to: borrowed) { borrowed in
        try call(promptCount: texts.promptCount) { measure(policy, borrowed, &tokenCounts, &truncated, $0) }
      }
    }
    texts.withShape { shape in
      for row in 0..<count where !shape.exists(shape.place(of: row, per: .response)) {
        tokenCounts[row] = 0
        truncated[row] = 0
      }
    }
    return (tokenCounts, truncated)
  }

  /// Computes the requested columns of a batch, by name: [G], [K·G] or [T] values, repeated for each reference if the
  /// column is per reference; 0 if a prompt has no such response.
  ///
  /// `tokenOffsets` [K·G + 1] gives the start of each response's tokens, as `measure` counted them; required if a
  /// column is per token. `references` are frozen instances of the same type. With `keepingActivations`, a `backward`
  /// for the same batch may follow. Throws for a column the policy does not have, and for a value that is not finite.
  public func forward(
    _ texts: Texts, tokenOffsets: [Int]? = nil, columns: [String], references: [PolicyInstance] = [],
    keepingActivations: Bool = false
  ) throws -> [String: [Double]] {
    guard let forward = type.descriptor.pointee.forward else { throw cannot("compute log-probabilities") }
    let layout = try PolicyBatchLayout(
      texts, tokenOffsets: tokenOffsets, columns: columns, referenceCount: references.count, type: type)
    var values = [Double](repeating: .nan, count: layout.totalCount)
    try values.withUnsafeMutableBufferPointer { values in
      let pointers = layout.starts.map { start in values.baseAddress.map { $0 + start } }
      try pointers.withUnsafeBufferPointer { pointers in
        try withFrame(texts, layout, references, values: pointers.baseAddress) { frame in
          try call(promptCount: texts.promptCount, references) {
            forward(policy, frame, keepingActivations ? 1 : 0, $0)
          }
        }
      }
    }
    return try layout.columnsByName(of: values, texts: texts, place: place)
  }

  /// Adds the gradient of the weights to the accumulators, for the batch of the last `forward` that kept its
  /// activations.
  ///
  /// `gradients` holds d objective / d column, in the layout of the columns that `forward` returns; the texts, offsets
  /// and references are those of that call. Throws for a column that is not differentiable, and for a gradient of the
  /// wrong size.
  public func backward(
    _ texts: Texts, tokenOffsets: [Int]? = nil, references: [PolicyInstance] = [], gradients: [String: [Double]]
  ) throws {
    guard let backward = type.descriptor.pointee.backward else { throw cannot("be trained") }
    let layout = try PolicyBatchLayout(
      texts, tokenOffsets: tokenOffsets, columns: gradients.keys.sorted(), referenceCount: references.count, type: type)
    let flat = try layout.flattened(gradients, place: place)
    try flat.withUnsafeBufferPointer { flat in
      let pointers = layout.starts.map { start in flat.baseAddress.map { $0 + start } }
      try pointers.withUnsafeBufferPointer { pointers in
        try withFrame(texts, layout, references, gradients: pointers.baseAddress) { frame in
          try call(promptCount: texts.promptCount, references) { backward(policy, frame, $0) }
        }
      }
    }
  }

  /// Updates the weights with the accumulated gradient, clears it, and returns the global gradient norm before
  /// clipping. Throws for a gradient that is not finite: the weights are then unchanged, and the accumulators are
  /// cleared.
  public func step(_ update: PolicyUpdate) throws -> Double {
    guard let step = type.descriptor.pointee.step else { throw cannot("be trained") }
    var passed = losskit_update(
      learning_rate: update.learningRate, weight_decay: update.weightDecay,
      max_gradient_norm: update.maxGradientNorm, gradient_norm: .nan)
    try call { step(policy, &passed, $0) }
    guard passed.gradient_norm.isFinite else {
      throw Failure(
        "\(place): the norm of the gradient is \(roundTripDecimal(passed.gradient_norm)), although the step reported success"
      )
    }
    return passed.gradient_norm
  }

  /// Writes the instance into `directory`, which exists and is empty; with `withOptimizer`, also the optimizer state,
  /// so that training resumes bit for bit.
  public func save(to directory: String, withOptimizer: Bool) throws {
    guard let save = type.descriptor.pointee.save else { throw cannot("be saved") }
    try call { save(policy, directory, withOptimizer ? 1 : 0, $0) }
  }

  /// Returns a frozen copy to use as a reference.
  public func copy() throws -> PolicyInstance {
    guard let copy = type.descriptor.pointee.copy else { throw cannot("be copied") }
    return try withExtendedLifetime(self) { try type.instance(options: options) { copy(policy, $0, $1) } }
  }

  /// Sets the weights to weight · source + (1 − weight) · own. `weight` may lie outside 0...1.
  public func blend(with source: PolicyInstance, weight: Double) throws {
    guard let blend = type.descriptor.pointee.blend else { throw cannot("be blended with another") }
    try check(source)
    guard weight.isFinite else {
      throw Failure("\(place): invalid value \(weight) for the weight to blend with; expected a finite number")
    }
    try call([source]) { blend(policy, source.policy, weight, $0) }
  }

  /// Calls an extension's function.
  func withPolicy(
    promptCount: Int = 0, _ body: (OpaquePointer, UnsafeMutablePointer<losskit_error>) -> Int32
  ) throws {
    try call(promptCount: promptCount) { body(policy, $0) }
  }

  /// Calls the plugin, and keeps the owners of the pointers alive until it returns.
  private func call(
    promptCount: Int = 0, _ others: [PolicyInstance] = [], _ body: (UnsafeMutablePointer<losskit_error>) -> Int32
  ) throws {
    try withExtendedLifetime((self, others)) { try callPlugin(place, of: type.library, promptCount: promptCount, body) }
  }

  private func cannot(_ what: String) -> Failure { Failure("\(place): it cannot \(what)") }

  private func check(_ other: PolicyInstance) throws {
    guard other.type.isSame(as: type) else {
      throw Failure(
        "\(place): the other policy is a \(other.type.name) of \(other.type.library); expected one of the same type")
    }
  }

  /// Calls a closure with a frame.
  private func withFrame(
    _ texts: Texts, _ layout: PolicyBatchLayout, _ references: [PolicyInstance],
    values: UnsafePointer<UnsafeMutablePointer<Double>?>? = nil,
    gradients: UnsafePointer<UnsafePointer<Double>?>? = nil,
    _ body: (UnsafePointer<losskit_policy_frame>) throws -> Void
  ) throws {
    for reference in references { try check(reference) }
    let policies = references.map { Optional($0.policy) }
    try texts.withTexts { borrowed in
      try withOptionalPointer(layout.tokenOffsets) { offsets in
        try policies.withUnsafeBufferPointer { policies in
          try layout.indices.withUnsafeBufferPointer { indices in
            var frame = losskit_policy_frame(
              texts: borrowed, token_offsets: offsets, reference_count: policies.count,
              references: policies.baseAddress,
              column_count: indices.count, columns: indices.baseAddress, values: values, gradients: gradients)
            try body(&frame)
          }
        }
      }
    }
  }
}
