public import LossKit
import LossKitHead
import LossKitLogits

/// A decoder-only language model, computed and trained on the CPU in float32 or, with `bf16`, with matrix products in bfloat16: a new small
/// Llama over bytes, or a checkpoint of Hugging Face, of the families in `ModelFamily`.
///
/// The tokens of a new model are the 256 bytes, then padding 256, begin 257 and end 258; a sequence is begin, prompt, response, end. A
/// checkpoint has its own tokenizer and chat template. A response's log-probability sums over its tokens and its end token, never the
/// prompt, in double. Texts that exceed the context of C tokens are truncated: a response keeps its beginning, at most C − 1 tokens (a
/// truncated one loses its end token); then the prompt loses its beginning, by the same amount for all its responses, until the longest of
/// them fits.
///
/// With equal options, seed, batches and thread count (`OMP_NUM_THREADS`), training is bitwise reproducible. Gradients accumulated since
/// the last `step` are not part of a checkpoint.
public final class Transformer: Policy {
  /// `transformer`.
  public static let name = "transformer"
  /// A one-sentence description.
  public static let summary =
    "A language model trained with AdamW on the CPU: a new small Llama over bytes, or a checkpoint of Hugging Face."
  /// The architecture's paper, and the checkpoint's format.
  public static let citation =
    "Touvron et al. 2023, arXiv:2302.13971; checkpoints as Hugging Face's"
  /// How the model was verified.
  public static let documentation = """
    Verified against transformers (logits, log-probabilities and gradients of each family), an independent NumPy model \
    (log-probabilities), and central differences tensor by tensor (gradients).

    Families of checkpoints: gemma, gemma2, gemma3_text, granite, llama, mistral, olmo2, phi3, qwen2, qwen3, smollm3 (model_type in \
    config.json), with tokenizer.json of byte-pair encoding; weights in F32, BF16 or F16, in one file or sharded.

    With bf16 the factors of matrix products of weights have 8 significant bits; sums, attention, norms, softmax, weights and \
    optimizer stay float32. In the tests a token's log-probability is within 0.02 nats of that of float32, the gradient of each \
    tensor within 3 % of its length, and the loss of a training run within 0.2 %. Processors without products of bfloat16 give the \
    same, more slowly.

    With lora_rank the model is frozen, and low-rank matrices of its projections are trained (Hu et al. 2021, arXiv:2106.09685). They are \
    read and written as PEFT's adapters, whose log-probabilities and gradients are compared with PEFT's; dropout of an adapter is \
    ignored. With bf16, too, the frozen matrices are in memory as bfloat16 alone. lora_merge reads an adapter as one model with its base.
    """
  /// A model of 0.76 million weights with a context of 256 bytes.
  public static let defaultOptions = TransformerOptions()
  /// All hyperparameters.
  public static let hyperparameters = TransformerOptions.hyperparameters
  /// Log-probabilities per response and per token, `divergence` and `logCollision`; all but the last are differentiable.
  public static let columns: [Column] = [.logProbability, .tokenLogProbability, divergence, logCollision]
  /// Σ_t KL(π_ref(·|t) ‖ π(·|t)) over the tokens of a response, in nats, per reference, over the whole vocabulary.
  public static let divergence = Column("policy_kl", differentiable: true, perReference: true)
  /// Σ_t log Σ_v π(v|t)² over the tokens of a response, in nats: the log-probability that two samples agree.
  public static let logCollision = Column("policy_log_collision")

  let configuration: ModelConfiguration
  let model: LlamaModel
  var options: TransformerOptions { configuration.options }
  /// The configuration of the model's adapter, if it has one.
  let adapter: AdapterConfiguration?
  /// The files that are saved with the model.
  let files: CompanionFiles
  private(set) var encoding: any TextEncoding
  private let template: ModelChatTemplate?
  var context: Int { options.context }
  private let isFrozen: Bool
  /// Created at the first training call.
  private var optimizer: AdamW?
  private var gradient: GradientAccumulator?
  private let passes: BatchPasses

  private init(
    _ configuration: ModelConfiguration, model: LlamaModel, encoding: any TextEncoding = ByteEncoding(),
    template: ModelChatTemplate? = nil, files: CompanionFiles = CompanionFiles(), adapter: AdapterConfiguration? = nil,
    optimizer: AdamW? = nil,
    isFrozen: Bool = false
  ) {
    self.adapter = adapter
    self.encoding = encoding
    self.template = template
    self.files = files
    self.configuration = configuration
    self.model = model
    self.optimizer = optimizer
    self.isFrozen = isFrozen
    passes = BatchPasses(model)
  }

  /// Creates a model with new weights: norms 1, everything else normal with `initializer_range`, divided by √(2 · layers) for the
  /// projections that add to the residual stream. Throws if the sizes are inconsistent.
  public static func create(options: TransformerOptions, seed: UInt64) throws -> Transformer {
    guard options.lora.rank == 0, !options.lora.isMerged else {
      throw Failure("transformer: an adapter (lora_rank, lora_merge) needs a model to load; name one with --init")
    }
    let model = try LlamaModel(options.architecture, isRounded: options.bf16)
    Initialization.fill(model, range: options.initializerRange, seed: seed)
    model.roundWeights()
    return Transformer(ModelConfiguration(options), model: model)
  }

  /// Loads a model from a directory that `save` or `transformers` wrote. Throws for a file that is missing, damaged or of another kind of
  /// model, and for a given option that differs from the stored one.
  public static func load(path: String, options: TransformerOptions, given: Set<String>) throws -> Transformer {
    let checkpoint = try Checkpoint(reading: path, options: options, given: given)
    let directory = checkpoint.base ?? path
    return Transformer(
      checkpoint.configuration, model: checkpoint.model, encoding: try checkpoint.encoding(directory: directory),
      template: try ModelChatTemplate(directory: directory), files: checkpoint.files,
      adapter: checkpoint.adapter, optimizer: checkpoint.optimizer)
  }

  /// Counts tokens, and those truncated, rank-major; 0 for responses that a prompt lacks. Throws for an empty response.
  public func measure(
    _ texts: TextBatch, tokenCounts: UnsafeMutableBufferPointer<UInt32>,
    truncated: UnsafeMutableBufferPointer<UInt32>?
  ) throws {
    let rows = texts.promptCount * texts.responseCount
    guard tokenCounts.count >= rows, truncated.map({ $0.count >= rows }) ?? true else {
      throw Failure("transformer: \(rows) responses, room for \(tokenCounts.count) token counts")
    }
    tokenCounts.update(repeating: 0)
    truncated?.update(repeating: 0)
    for prompt in 0..<texts.promptCount {
      let encoded = try encoding.encode(texts, prompt: prompt, context: context)
      for (rank, response) in encoded.responses.enumerated() {
        let row = rank * texts.promptCount + prompt
        tokenCounts[row] = UInt32(clamping: response.count)
        truncated?[row] = UInt32(clamping: encoded.responseTokensCut[rank] + encoded.promptTokensCut)
      }
    }
  }

  /// Writes log-probabilities in nats. Throws for an empty response, and if the weights have diverged.
  public func forward(_ batch: PolicyBatch, keepingActivations: Bool) throws {
    let tokens = try TokenBatch(batch.texts, encoding, context: context)
    let output = try Output(batch, tokens)
    let scoring = Scoring(
      extras: output.needsCollisions ? .logCollision : [],
      references: try output.needsReferences ? references(of: batch, tokens) : [])
    try passes.forward(tokens, keepingActivations: keepingActivations, scoring: scoring) { part, activations in
      try output.write(part, activations, promptCount: batch.texts.promptCount)
    }
  }

  /// The distributions of a call's references at the scored positions.
  private func references(of batch: PolicyBatch, _ tokens: TokenBatch) throws -> [ReferenceStates] {
    guard batch.referenceCount > 0 else {
      throw Failure("transformer: \(Self.divergence.name) needs a reference, and the call has none")
    }
    return try (0..<batch.referenceCount).map { index in
      let reference = try batch.reference(index, as: Transformer.self)
      return try ReferenceStates(of: tokens, reference.passes)
    }
  }

  /// Accumulates the gradient of the weights; gradients per response and per token add up. Throws, and adds nothing, for a frozen copy,
  /// for a gradient that is not finite, and without a kept `forward` for the same texts.
  public func backward(_ batch: PolicyBatch) throws {
    try requireTrainable()
    let tokens = try TokenBatch(batch.texts, encoding, context: context)
    let accumulator = try gradient ?? GradientAccumulator(count: model.trainable.count)
    gradient = accumulator
    let responses = batch.gradient(of: .logProbability), perToken = batch.gradient(of: .tokenLogProbability)
    let offsets = try Output.tokenOffsets(of: batch, tokens)
    var cotangent = [Double](repeating: 0, count: tokens.targets.count)
    for (sequence, row) in tokens.rows.enumerated() {
      let scored = tokens.scoredStarts[sequence]..<tokens.scoredStarts[sequence + 1]
      let common = responses?[row] ?? 0
      for (index, place) in scored.enumerated() {
        var slope = common
        if let perToken, let offsets { slope += perToken[offsets[row] + index] }
        cotangent[place] = slope
      }
    }
    let slopes = HeadCotangent(targets: cotangent, divergences: divergenceSlopes(batch, tokens))
    if let position = slopes.unusablePosition, let row = tokens.row(ofScored: position) {
      let prompt = row % batch.texts.promptCount
      throw Failure(
        "transformer: the gradient of response \(row / batch.texts.promptCount + 1) of prompt \(prompt + 1) is not "
          + "finite, or too large for a float; scale the loss down or look at the data", prompt: prompt)
    }
    try passes.backward(tokens, cotangent: slopes, into: accumulator)
  }

  /// The gradient of the divergences from each reference, position by position.
  private func divergenceSlopes(_ batch: PolicyBatch, _ tokens: TokenBatch) -> [[Double]] {
    guard let gradient = batch.gradient(of: Self.divergence) else { return [] }
    let rows = batch.texts.promptCount * batch.texts.responseCount
    return (0..<batch.referenceCount).map { reference in
      var slopes = [Double](repeating: 0, count: tokens.targets.count)
      for (sequence, row) in tokens.rows.enumerated() {
        let slope = gradient[reference * rows + row]
        for position in tokens.scoredStarts[sequence]..<tokens.scoredStarts[sequence + 1] { slopes[position] = slope }
      }
      return slopes
    }
  }

  /// Makes one AdamW update; norms are not decayed. Throws for a gradient that is not finite, and leaves the weights unchanged.
  public func step(_ update: PolicyUpdate) throws -> Double {
    try requireTrainable()
    guard update.learningRate.isFinite, update.weightDecay.isFinite, update.maxGradientNorm > 0 else {
      throw Failure(
        "transformer: learning rate \(roundTripDecimal(update.learningRate)), weight decay \(roundTripDecimal(update.weightDecay)) and largest "
          + "gradient norm \(roundTripDecimal(update.maxGradientNorm)) must be finite, the last positive or infinite")
    }
    let optimizer = try self.optimizer ?? AdamW(options.adam, count: model.trainable.count)
    let gradient = try self.gradient ?? GradientAccumulator(count: model.trainable.count)
    self.optimizer = optimizer
    self.gradient = gradient
    // The gradient is cleared even if the update throws.
    defer { gradient.forget() }
    let norm = try optimizer.step(model, gradient: gradient.sum, update: update)
    passes.forget()
    return norm
  }

  /// Writes `config.json`, `model.safetensors` and, with the optimizer, `optimizer.safetensors`, and waits until they are on disk. A model
  /// with an adapter is written as PEFT's `adapter_config.json` and `adapter_model.safetensors`. Throws, naming the file, if a write fails.
  public func save(to directory: String, withOptimizer: Bool) throws {
    let state = withOptimizer ? try optimizer ?? AdamW(options.adam, count: model.trainable.count) : nil
    try Checkpoint(configuration, model: model, adapter: adapter, files: files, optimizer: state).write(to: directory)
  }

  /// Returns a frozen copy of the weights, which shares no memory with this instance but the base model of an adapter.
  public func copy() throws -> Transformer {
    if let own = model.adapter {
      return Transformer(
        configuration, model: LlamaModel(sharing: model, adapter: try own.frozenCopy()), encoding: encoding,
        template: template, files: files, adapter: adapter, isFrozen: true)
    }
    let twin = try LlamaModel(options.architecture, isRounded: options.bf16)
    twin.weights.copy(from: model.weights)
    twin.roundWeights()
    return Transformer(
      configuration, model: twin, encoding: encoding, template: template, files: files, isFrozen: true)
  }

  /// Sets the weights to weight · source + (1 − weight) · own. Throws if the source has other sizes, and for an adapter.
  public func blend(with source: Transformer, weight: Double) throws {
    guard model.adapter == nil, source.model.adapter == nil else {
      throw Failure(
        "transformer: adapters cannot be blended, since the product of their matrices is not linear in them; train all "
          + "weights (lora_rank 0), or a run in which the reference stays as it is")
    }
    guard source.options.architecture == options.architecture else {
      throw Failure("transformer: weights of models with different sizes cannot be blended")
    }
    guard weight.isFinite else {
      throw Failure("transformer: the weight \(roundTripDecimal(weight)) of a blend is not finite")
    }
    let own = model.weights.pointer, other = source.model.weights.pointer
    let share = Float(weight), rest = Float(1 - weight)
    for index in 0..<model.layout.count { own[index] = share * other[index] + rest * own[index] }
    model.roundWeights()
    passes.forget()
  }

  /// Whether the model's directory has a chat template.
  public var hasChatTemplate: Bool { template != nil }

  /// The text of each conversation, by the model's chat template. Throws for one that the template refuses.
  public func render(_ conversations: [Conversation], forGeneration: Bool) throws -> [String] {
    guard let template else { throw Failure("transformer: this model has no chat template") }
    return try template.render(conversations, forGeneration: forGeneration)
  }

  /// Sets whether texts are plain or rendered conversations. Throws for rendered ones if the model is one over bytes.
  public func setTextForm(_ form: TextForm) throws { encoding = try encoding.inForm(form) }

  private func requireTrainable() throws {
    if isFrozen { throw Failure("transformer: a frozen copy cannot be trained") }
  }
}
