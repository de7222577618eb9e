import CLossKit
import CLossKitKernels
import LossKit
import LossKitRuntime

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One evaluation, in one pass from the host's arrays to the host's arrays if possible.
///
/// Otherwise, and to name a number that is not finite, columns that cannot be passed directly are copied to doubles, the
/// objective is evaluated, and the results are copied to the host's arrays.
struct HostEvaluation {
  private let bound: BoundBatch
  private let state: UnsafeMutablePointer<Double>?
  private let stateCount: Int
  private let seed: UInt64

  private var hosted: HostedObjective { bound.hosted }
  private var prompts: Int { bound.batch.prompts }

  init(_ bound: BoundBatch, state: UnsafeMutablePointer<Double>?, stateCount: Int, seed: UInt64) {
    self.bound = bound
    self.state = state
    self.stateCount = stateCount
    self.seed = seed
  }

  /// The memory passed to the runtime.
  private struct Memory {
    /// Losses, followed by rewards.
    let output: UnsafeMutablePointer<Double>
    let state: UnsafeMutablePointer<Double>
    let inputs: UnsafeMutableBufferPointer<UnsafePointer<Double>?>
    let gradients: UnsafeMutableBufferPointer<UnsafeMutablePointer<Double>?>
  }

  func run(_ results: UnsafeMutablePointer<losskit_results>) throws {
    try check(results.pointee)
    if results.pointee.metrics == nil, try runInPlace(&results.pointee) { return }
    let columns = hosted.columns.count
    try withUnsafeTemporaryAllocation(of: UnsafePointer<Double>?.self, capacity: columns) { inputs in
      try withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Double>?.self, capacity: columns) { gradients in
        inputs.initialize(repeating: nil)
        gradients.initialize(repeating: nil)
        let size = scratchSize
        guard let scratch = malloc(max(size, 1) &* 8)?.bindMemory(to: Double.self, capacity: max(size, 1)) else {
          throw Failure("cannot allocate memory for a batch of \(prompts) prompts; evaluate fewer at once")
        }
        defer { free(scratch) }
        let memory = prepare(scratch, inputs, gradients)
        try checkFinite(memory)
        try evaluate(memory)
        try write(memory, ResultCheck(hosted.objective, bound.shape), to: results)
      }
    }
  }

  /// Evaluates without copies; returns whether that was possible and all numbers were finite.
  func runInPlace(_ results: inout losskit_results) throws -> Bool {
    var gradients: UInt64 = 0
    for (index, plan) in bound.plans.enumerated() where plan.wantsGradient { gradients |= 1 << UInt64(index) }
    let columns = HostColumns(bound, results)
    let sum = try withState {
      try hosted.objective.evaluate(
        bound.shape, columns, state: $0, seed: seed, gradients: gradients, wantsRewards: results.rewards.isThere)
    }
    guard let sum, !sum.isNaN else { return false }
    results.mean_loss = sum / Double(prompts)
    results.metric_count = 0
    return true
  }

  /// Calls `body` with the host's state, or a copy of the initial one.
  private func withState<Result>(_ body: (UnsafeMutablePointer<Double>?) throws -> Result) rethrows -> Result {
    if state != nil || hosted.stateCount == 0 { return try body(state) }
    var initial = hosted.objective.initialState
    return try initial.withUnsafeMutableBufferPointer { try body($0.baseAddress) }
  }

  // MARK: Before

  /// Throws for results or a state that do not fit the batch.
  func check(_ results: losskit_results) throws {
    if stateCount != 0 || state != nil {
      guard stateCount == hosted.stateCount else {
        throw Failure("the objective keeps \(hosted.stateCount) numbers of state, and got \(stateCount)")
      }
    }
    guard results.reduction == UInt32(LOSSKIT_MEAN) || results.reduction == UInt32(LOSSKIT_SUM), results.reserved == 0
    else { throw Failure("reduction \(results.reduction) is unknown; 0 (mean) and 1 (sum) are known") }
    guard results.metrics == nil || results.metric_capacity >= 0 else {
      throw Failure("there is room for \(results.metric_capacity) metrics; that is too many")
    }
    if results.loss.isThere { try results.loss.checkWritable(count: prompts, "the array for the loss") }
    if results.rewards.isThere {
      guard hosted.hasReward else { throw Failure("the objective computes no rewards; pass an array without data") }
      try results.rewards.checkWritable(count: bound.rows, "the array for the rewards")
    }
  }

  private var valueCount: Int { hosted.hasReward ? prompts + bound.rows : prompts }

  /// The values of a column, if they can be passed directly.
  private func lendable(_ column: Int) -> UnsafeMutablePointer<Double>? {
    let whole = bound.plans[column].whole
    return whole < 0 ? nil : bound.batch.columns?[whole].values.doubles
  }

  /// The host's own array for a gradient, if it can be written directly.
  private func lendableGradient(_ column: Int) -> UnsafeMutablePointer<Double>? {
    let whole = bound.plans[column].whole
    return whole < 0 ? nil : bound.batch.columns?[whole].gradient.doubles
  }

  /// The number of doubles to allocate, for what the host's arrays cannot hold.
  private var scratchSize: Int {
    var size = valueCount + hosted.stateCount
    for index in hosted.columns.indices where bound.plans[index].isBound {
      let count = bound.count(of: hosted.columns[index])
      if lendable(index) == nil { size += count }
      if bound.plans[index].wantsGradient, lendableGradient(index) == nil { size += count }
    }
    return size
  }

  private func prepare(
    _ scratch: UnsafeMutablePointer<Double>, _ inputs: UnsafeMutableBufferPointer<UnsafePointer<Double>?>,
    _ gradients: UnsafeMutableBufferPointer<UnsafeMutablePointer<Double>?>
  ) -> Memory {
    var free = scratch + valueCount
    let stateCopy = free
    free += hosted.stateCount
    if let state {
      stateCopy.update(from: state, count: hosted.stateCount)
    } else if hosted.stateCount > 0 {
      stateCopy.update(from: hosted.objective.initialState, count: hosted.stateCount)
    }
    for index in hosted.columns.indices where bound.plans[index].isBound {
      let count = bound.count(of: hosted.columns[index])
      if let values = lendable(index) {
        inputs[index] = UnsafePointer(values)
      } else {
        bound.gather(index, to: free)
        inputs[index] = UnsafePointer(free)
        free += count
      }
      guard bound.plans[index].wantsGradient else { continue }
      gradients[index] = lendableGradient(index) ?? free
      if gradients[index] == free { free += count }
    }
    return Memory(output: scratch, state: stateCopy, inputs: inputs, gradients: gradients)
  }

  /// Throws for a column with a number that is not finite, ignoring responses that a prompt does not have.
  private func checkFinite(_ memory: Memory) throws {
    for index in hosted.columns.indices {
      guard let values = memory.inputs[index] else { continue }
      let count = bound.count(of: hosted.columns[index])
      if losskit_first_nonfinite(values, count) < count { return try hosted.objective.check(bound.copy()) }
    }
  }

  // MARK: Evaluation

  private func evaluate(_ memory: Memory) throws {
    var wantsGradients = false
    for plan in bound.plans where plan.wantsGradient { wantsGradients = true }
    let batch = bound.batch
    let frame = losskit_frame(
      prompts: batch.prompts, responses: batch.responses, references: batch.references, counts: batch.counts,
      token_offsets: batch.token_offsets, parameters: nil, state: memory.state, seed: seed,
      inputs: UnsafePointer(memory.inputs.baseAddress), output: memory.output,
      cotangent: wantsGradients ? UnsafePointer(memory.output) : nil,
      gradients: wantsGradients ? UnsafePointer(memory.gradients.baseAddress) : nil)
    try hosted.objective.evaluate(frame, bound.shape)
  }

  // MARK: After

  private func write(
    _ memory: Memory, _ check: ResultCheck, to results: UnsafeMutablePointer<losskit_results>
  ) throws {
    func write(
      _ source: UnsafePointer<Double>, to array: losskit_array, factor: Double = 1, offset: Int = 0,
      _ quantity: ResultCheck.Quantity
    ) throws {
      if let index = array.write(source + offset, factor: factor) {
        throw check.failure(quantity, at: offset + index, value: source[offset + index] * factor)
      }
    }
    var sum = 0.0
    for prompt in 0..<prompts { sum += memory.output[prompt] }
    results.pointee.mean_loss = sum / Double(prompts)
    try write(memory.output, to: results.pointee.loss, .loss)
    if hosted.hasReward { try write(memory.output + prompts, to: results.pointee.rewards, .reward) }
    let factor = results.pointee.gradientFactor(prompts)
    for index in bound.columnOfBinding.indices {
      guard let binding = bound.batch.columns?.advanced(by: index), binding.pointee.gradient.isThere else { continue }
      let column = bound.columnOfBinding[index]
      guard let gradient = memory.gradients[column] else { continue }
      let offset = max(0, Int(binding.pointee.part)) &* bound.extent(of: hosted.columns[column]).length
      try write(gradient, to: binding.pointee.gradient, factor: factor, offset: offset, .derivative(column))
    }
    results.pointee.metric_count = 0
    if let metrics = results.pointee.metrics {
      results.pointee.metric_count = try writeMetrics(
        memory, to: UnsafeMutableBufferPointer(start: metrics, count: results.pointee.metric_capacity))
    }
    state?.update(from: memory.state, count: hosted.stateCount)
  }

  /// Writes as many metrics as fit; returns how many there are.
  private func writeMetrics(_ memory: Memory, to target: UnsafeMutableBufferPointer<losskit_metric>) throws -> Int {
    let source = PreferenceMetrics.Source(
      prompts: prompts, responses: bound.batch.responses, counts: bound.batch.counts,
      starts: bound.shape.starts, loss: UnsafePointer(memory.output),
      reward: hosted.hasReward ? UnsafePointer(memory.output + prompts) : nil,
      logProbability: hosted.logProbabilityColumn.flatMap { memory.inputs[$0] },
      label: hosted.labelColumn.flatMap { memory.inputs[$0] })
    var count = 0
    var sums = PreferenceMetrics.Sums()
    try sums.add(source)
    try sums.forEach(rewardScale: hosted.rewardScale) { name, value in
      if count < target.count {
        target[count].value = value
        withUnsafeMutableBytes(of: &target[count].name) { room in
          // Names are shorter than the field that losskit.h gives them; the rest of it terminates the name.
          room.copyBytes(
            from: UnsafeRawBufferPointer(start: name.utf8Start, count: min(name.utf8CodeUnitCount, room.count - 1)))
          room[min(name.utf8CodeUnitCount, room.count - 1)] = 0
        }
      }
      count += 1
    }
    return count
  }
}
