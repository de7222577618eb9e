import CLossKitKernels

/// The sort orders of kept columns over a whole batch. Each key is sorted once; the order serves sorting and its inverse.
struct BatchOrders {
  private let parts: UnsafeBufferPointer<RunningPart>
  private let prompts: Int
  /// By the kept column in the first part.
  private var orders: [Int: [UInt32]] = [:]

  init(_ parts: UnsafeBufferPointer<RunningPart>, prompts: Int) {
    self.parts = parts
    self.prompts = prompts
  }

  /// Runs the sorts of a phase: finds the orders of their keys at the same time, then moves values in these orders.
  mutating func run(phase: Int, _ schedule: BlockSchedule) {
    let sorts = parts.first?.plan.phases[phase].sorts ?? UnsafeBufferPointer(start: nil, count: 0)
    var unsorted: [Plan.Sort] = []
    for sort in sorts where orders[sort.key] == nil && !unsorted.contains(where: { $0.key == sort.key }) {
      unsorted.append(sort)
    }
    if !unsorted.isEmpty {
      let keys = unsorted.map { paired($0, phase: phase).map(\.key) }
      var found = [[UInt32]](repeating: [], count: keys.count)
      found.withUnsafeMutableBufferPointer { found in
        // Few keys are sorted before a thread would start.
        (prompts < 4096 ? runBlocksInOrder : schedule)(keys.count) { found[$0] = sortedOrder(keys[$0]) }
      }
      for (sort, order) in zip(unsorted, found) { orders[sort.key] = order }
    }
    for sort in sorts { run(sort, orders[sort.key] ?? [], phase: phase) }
  }

  /// A sort's counterpart in each part.
  private func paired(_ sort: Plan.Sort, phase: Int) -> [Plan.Sort] {
    parts.map { part in part.plan.phases[phase].sorts.first { $0.serial == sort.serial } ?? sort }
  }

  /// Moves the values of one column of all parts into an order, or back from it.
  private func run(_ sort: Plan.Sort, _ order: [UInt32], phase: Int) {
    let paired = paired(sort, phase: phase)
    withWhole(paired.map(\.value)) { values in
      var result = [Double](repeating: 0, count: isWhole ? 0 : prompts)
      result.withUnsafeMutableBufferPointer { buffer in
        guard let target = isWhole ? parts[0].kept?[sort.result] : buffer.baseAddress else { return }
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

  private func sortedOrder(_ keys: [Int]) -> [UInt32] {
    withWhole(keys) { values in
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 4 * prompts) { scratch in
        [UInt32](unsafeUninitializedCapacity: prompts) { order, count in
          if let order = order.baseAddress { losskit_sort(values.baseAddress, prompts, order, scratch.baseAddress) }
          count = prompts
        }
      }
    }
  }

  /// Calls a closure with a kept column of all parts as one array, in prompt order.
  private func withWhole<Result>(_ columns: [Int], _ body: (UnsafeBufferPointer<Double>) -> Result) -> Result {
    if isWhole, let column = parts[0].kept?[columns[0]] {
      return body(UnsafeBufferPointer(start: column, count: prompts))
    }
    var whole = [Double](repeating: 0, count: prompts)
    for (part, column) in zip(parts, columns) {
      guard let values = part.kept?[column] else { continue }
      for row in 0..<part.rows.prompts { whole[part.place(of: row)] = values[row] }
    }
    return whole.withUnsafeBufferPointer { body($0) }
  }

  private func scatter(_ whole: UnsafePointer<Double>, to columns: [Int]) {
    for (part, column) in zip(parts, columns) {
      guard let values = part.kept?[column] else { continue }
      for row in 0..<part.rows.prompts { values[row] = whole[part.place(of: row)] }
    }
  }
}

extension RunningPart {
  /// The index in the batch of one of the part's prompts.
  fileprivate func place(of row: Int) -> Int { rows.indices.map { Int($0[row]) } ?? row }
}
