import CLossKitKernels

/// The sort orders of kept columns over a whole batch. Each key is sorted once; the order serves sorting and its inverse.
struct BatchOrders {
  private let parts: UnsafeBufferPointer<RunningPart>
  private let prompts: Int
  /// Room for the scratch of the sorts of a phase, followed by the orders.
  private let memory: UnsafeMutablePointer<Double>

  /// The number of doubles of memory that the sorts of a plan take.
  static func storage(_ plan: Plan, prompts: Int) -> Int {
    plan.sortedAtOnce * scratch(prompts) + plan.orderCount * ((prompts + 1) / 2)
  }

  /// The number of doubles of scratch of one sort.
  private static func scratch(_ prompts: Int) -> Int { 4 * prompts }

  init(_ parts: UnsafeBufferPointer<RunningPart>, prompts: Int, memory: UnsafeMutablePointer<Double>) {
    self.parts = parts
    self.prompts = prompts
    self.memory = memory
  }

  /// Runs the sorts of a phase: finds the orders of their keys at the same time, then moves values in these orders.
  func run(phase: Int, _ schedule: BlockSchedule) {
    guard let sorts = parts.first?.plan.phases[phase].sorts, !sorts.isEmpty else { return }
    let unsorted = sorts.filter(\.isFirst)
    let keys = unsorted.map { paired($0, phase: phase).map(\.key) }
    // Few keys are sorted before a thread would start.
    (prompts < 4096 ? runBlocksInOrder : schedule)(keys.count) { index in
      let scratch = UnsafeMutableRawPointer(memory + index * Self.scratch(prompts))
      withWhole(keys[index]) {
        losskit_sort($0.baseAddress, prompts, order(unsorted[index]), scratch.assumingMemoryBound(to: UInt64.self))
      }
    }
    for sort in sorts { run(sort, UnsafeBufferPointer(start: order(sort), count: prompts), phase: phase) }
  }

  /// The order of a sort's key.
  private func order(_ sort: Plan.Sort) -> UnsafeMutablePointer<UInt32> {
    let plan = parts[0].plan
    let orders = memory + plan.sortedAtOnce * Self.scratch(prompts)
    return UnsafeMutableRawPointer(orders + sort.order * ((prompts + 1) / 2)).assumingMemoryBound(to: UInt32.self)
  }

  /// A sort's counterpart in each part.
  private func paired(_ sort: Plan.Sort, phase: Int) -> [Plan.Sort] {
    parts.map { part in part.plan.phases[phase].sorts.first { $0.serial == sort.serial } ?? sort }
  }

  /// Moves the values of one column of all parts into an order, or back from it.
  private func run(_ sort: Plan.Sort, _ order: UnsafeBufferPointer<UInt32>, phase: Int) {
    let paired = paired(sort, phase: phase)
    withWhole(paired.map(\.value)) { values in
      var result = [Double](repeating: 0, count: isWhole ? 0 : prompts)
      result.withUnsafeMutableBufferPointer { buffer in
        guard let target = isWhole ? parts[0].kept[sort.result] : buffer.baseAddress else { return }
        if sort.isInverse {
          for (place, row) in order.enumerated() { target[Int(row)] = values[place] }
        } else {
          for (place, row) in order.enumerated() { target[place] = values[Int(row)] }
        }
        if !isWhole { scatter(UnsafePointer(target), to: paired.map(\.result)) }
      }
    }
  }

  /// Whether one part is the whole batch, in order.
  private var isWhole: Bool { parts.count == 1 && parts[0].rows.indices == nil }

  /// Calls a closure with a kept column of all parts as one array, in prompt order.
  private func withWhole<Result>(_ columns: [Int], _ body: (UnsafeBufferPointer<Double>) -> Result) -> Result {
    if isWhole, let column = parts[0].kept[columns[0]] {
      return body(UnsafeBufferPointer(start: column, count: prompts))
    }
    var whole = [Double](repeating: 0, count: prompts)
    for (part, column) in zip(parts, columns) {
      guard let values = part.kept[column] else { continue }
      for row in 0..<part.rows.prompts { whole[part.place(of: row)] = values[row] }
    }
    return whole.withUnsafeBufferPointer { body($0) }
  }

  private func scatter(_ whole: UnsafePointer<Double>, to columns: [Int]) {
    for (part, column) in zip(parts, columns) {
      guard let values = part.kept[column] else { continue }
      for row in 0..<part.rows.prompts { values[row] = whole[part.place(of: row)] }
    }
  }
}

extension RunningPart {
  /// The index in the batch of one of the part's prompts.
  fileprivate func place(of row: Int) -> Int { rows.indices.map { Int($0[row]) } ?? row }
}
