import CLossKitKernels

extension Plan {
  /// Compiles a plan that writes `results` at the given extents, and computes the values of `states` and of further `numbers` of the whole
  /// batch.
  ///
  /// `sinks` says whether values may be computed in the stage that reads them. The parts of a batch of rankings of different lengths must
  /// not, so that their phases agree.
  package static func compile(
    _ graph: Graph, results: [(node: Int, extent: Extent)], states: [Int] = [], numbers: [Int] = [], sinks: Bool = true
  ) -> Plan {
    let (graph, places) = graph.lowered()
    var schedule = Schedule(
      graph, results: results.map { (places[$0.node], $0.extent) }, roots: (states + numbers).map { places[$0] })
    schedule.run(sinks: sinks)
    var compiler = PlanCompiler(schedule)
    return compiler.compile(
      states: states.map { schedule.place(ofRoot: places[$0]) },
      numbers: numbers.map { schedule.place(ofRoot: places[$0]) })
  }
}

/// Makes a plan from a schedule: assigns each value its location, and emits the instructions of each stage.
private struct PlanCompiler {
  private let schedule: Schedule
  private var draft = PlanDraft()
  private var placesOfExternals: [Plan.External: Int] = [:]
  // By node.
  private var scalars: [Int?]
  private var statistics: [Int?]
  private var temporaries: [Int?]
  private var kept: [Int?]
  /// The temporary that holds scratch for a sort along segments.
  private var rooms: [Int: Int] = [:]

  init(_ schedule: Schedule) {
    self.schedule = schedule
    let count = schedule.nodes.count
    scalars = Array(repeating: nil, count: count)
    statistics = scalars
    temporaries = scalars
    kept = scalars
    draft.phases = Array(repeating: PlanDraft.Phase(), count: schedule.phaseCount)
  }

  mutating func compile(states: [Int], numbers: [Int]) -> Plan {
    placeScalars()
    placeColumns()
    var groups: [Schedule.Group: [Int]] = [:]
    for (index, node) in schedule.nodes.enumerated() where schedule.isLive[index] && node.isMember {
      groups[schedule.group(of: index), default: []].append(index)
    }
    // Reductions and sweeps leave their results in a block; another phase may read them.
    for (index, node) in schedule.nodes.enumerated()
    where schedule.isLive[index] && kept[index] != nil && !node.isMember && !node.operation.isSort {
      groups[schedule.group(of: index), default: []].append(index)
    }
    for (group, members) in groups.sorted(by: { $0.key < $1.key }) {
      emit(members.sorted { (schedule.order[$0], $0) < (schedule.order[$1], $1) }, of: group)
    }
    placeSorts()
    draft.outputCount = schedule.outputs.count
    draft.stateResults = states.map { scalars[$0] ?? 0 }
    draft.numbers = numbers.map { scalars[$0] ?? 0 }
    for index in schedule.nodes.indices where schedule.isLive[index] {
      let scheduled = schedule.nodes[index]
      draft.finest = max(draft.finest, scheduled.extent)
      // An extent that is counted has rows, too.
      if scheduled.isLeaf, scheduled.operation == .count, let fine = Extent(rawValue: scheduled.node.a) {
        draft.finest = max(draft.finest, fine)
      }
    }
    return Plan(draft)
  }

  // MARK: Locations

  private mutating func placeScalars() {
    for (index, scheduled) in schedule.nodes.enumerated()
    where schedule.isLive[index] && scheduled.extent == .batch {
      let node = scheduled.node
      draft.scalarTemplate.append(node.operation == .constant ? node.value : 0)
      let scalar = draft.scalarTemplate.count - 1
      scalars[index] = scalar
      switch node.operation {
      case .constant: break
      case .parameter: draft.scalarSources.append((scalar, .parameter(node.a)))
      case .state: draft.scalarSources.append((scalar, .state(node.a)))
      case .batchCount: draft.scalarSources.append((scalar, .count(.prompt)))
      case .count: draft.scalarSources.append((scalar, .count(Extent(rawValue: node.a) ?? .prompt)))
      case .sum, .largest:
        let phase = schedule.phase(index) - 1
        statistics[index] = draft.phases[phase].statistics.count
        draft.phases[phase].statistics.append(
          Plan.Statistic(isLargest: node.operation == .largest, serial: node.value, scalar: scalar))
      default:
        let operands = node.operands.map { scalars[$0] ?? 0 } + [0, 0]
        draft.phases[schedule.phase(index)].scalars.append(
          Plan.ScalarInstruction(
            operation: node.operation, result: scalar, a: operands[0], b: operands[1], c: operands[2]))
      }
    }
  }

  /// Assigns temporaries to values that other stages read, and kept columns to values that other phases read.
  private mutating func placeColumns() {
    for (index, node) in schedule.nodes.enumerated()
    where schedule.isLive[index] && node.extent > .batch && !node.isLeaf {
      if node.operation.isSort {
        keep(index)
        continue
      }
      if !node.isMember { temporary(index) }
      if node.operation == .order {
        rooms[index] = Int(draft.temporaries[node.extent.rawValue])
        draft.temporaries[node.extent.rawValue] += 1
      }
      for consumer in schedule.consumers[index] {
        let reader = schedule.nodes[consumer]
        if reader.isMember {
          if schedule.phase(of: consumer) != schedule.phase(of: index) {
            keep(index)
          } else if node.isMember, schedule.group(of: consumer) != schedule.group(of: index) {
            temporary(index)
          }
        } else if reader.operation.isSort {
          keep(index)
        } else if reader.operation.isSweep {
          temporary(index)
        }
      }
    }
  }

  private mutating func temporary(_ index: Int) {
    guard temporaries[index] == nil else { return }
    let extent = schedule.nodes[index].extent.rawValue
    temporaries[index] = Int(draft.temporaries[extent])
    draft.temporaries[extent] += 1
  }

  private mutating func keep(_ index: Int) {
    guard kept[index] == nil else { return }
    draft.keptExtents.append(schedule.nodes[index].extent)
    kept[index] = draft.keptExtents.count - 1
  }

  private mutating func placeSorts() {
    for (index, scheduled) in schedule.nodes.enumerated()
    where schedule.isLive[index] && scheduled.operation.isSort {
      let node = scheduled.node
      let isInverse = node.operation == .batchUnsorted
      guard let value = kept[node.a], let key = kept[isInverse ? node.b : node.a], let result = kept[index] else {
        continue
      }
      draft.phases[schedule.phase(index) - 1].sorts.append(
        Plan.Sort(serial: node.serial, key: key, value: value, result: result, isInverse: isInverse))
    }
  }

  // MARK: Stages

  private mutating func emit(_ members: [Int], of group: Schedule.Group) {
    var stage = StageCompiler(extent: group.extent)
    stage.countUses(of: members, in: schedule)
    for index in members {
      let scheduled = schedule.nodes[index]
      guard scheduled.isMember else {
        // A block's value that is kept: read, and written to the kept column.
        let read = stage.input(losskit_read(LOSSKIT_READ_TEMPORARY, temporaries[index] ?? 0))
        stage.emit(UInt32(LOSSKIT_KERNEL_COPY), of: [read], for: nil, actions: [keepAction(index)], temporary: nil)
        continue
      }
      let actions = actions(of: index, at: group.extent)
      if actions.isEmpty, temporaries[index] == nil, let difference = difference(index, in: group, of: stage) {
        stage.replace(index, by: stage.input(difference))
        continue
      }
      let codes = scheduled.node.operands.map { code(of: $0, in: group, &stage) }
      for operand in scheduled.node.operands { stage.release(operand) }
      stage.emit(
        scheduled.operation.kernel, of: codes, for: index, actions: actions,
        temporary: temporaries[index])
    }
    appendSweeps(after: group, to: &stage)
    draft.phases[group.stage / Schedule.span].stages.append(stage.stage)
  }

  /// Reads two columns that only their difference needs as one: less to convert and keep.
  private mutating func difference(_ index: Int, in group: Schedule.Group, of stage: StageCompiler) -> losskit_read? {
    let node = schedule.nodes[index].node
    guard node.operation == .subtract, node.a != node.b, stage.uses[node.a] == 1, stage.uses[node.b] == 1,
      let minuend = external(node.a, at: group.extent), let subtrahend = external(node.b, at: group.extent)
    else { return nil }
    return losskit_read(LOSSKIT_READ_HOST, place(minuend), other: place(subtrahend))
  }

  /// The host's column that a node is at a stage's extent.
  private func external(_ index: Int, at extent: Extent) -> Plan.External? {
    let scheduled = schedule.nodes[index]
    guard scheduled.extent == extent else { return nil }
    let node = scheduled.node
    return switch node.operation {
    case .input: .input(InputSlot(column: node.a, slot: node.b))
    case .column: .column(node.a, reference: node.b)
    case .cotangent: .cotangent(output: node.a)
    default: nil
    }
  }

  private mutating func place(_ external: Plan.External) -> Int {
    if let place = placesOfExternals[external] { return place }
    draft.externals.append(external)
    placesOfExternals[external] = draft.externals.count - 1
    return draft.externals.count - 1
  }

  private func keepAction(_ index: Int) -> losskit_action {
    losskit_action(kind: UInt32(LOSSKIT_ACTION_KEEP), output: 0, extent: 0, index: UInt32(kept[index] ?? 0))
  }

  private func actions(of index: Int, at extent: Extent) -> [losskit_action] {
    var actions: [losskit_action] = []
    for output in schedule.outputsOf[index] ?? [] {
      actions.append(
        losskit_action(kind: UInt32(LOSSKIT_ACTION_WRITE), output: 0, extent: 0, index: UInt32(output)))
    }
    if kept[index] != nil { actions.append(keepAction(index)) }
    for consumer in schedule.consumers[index] where schedule.nodes[consumer].operation.isReduction {
      let node = schedule.nodes[consumer]
      let kind = node.operation == .sum ? LOSSKIT_ACTION_SUM : LOSSKIT_ACTION_LARGEST
      let place = statistics[consumer] ?? temporaries[consumer] ?? 0
      actions.append(
        losskit_action(
          kind: UInt32(kind), output: 0, extent: UInt32(node.extent.rawValue), index: UInt32(place)))
    }
    return actions
  }

  /// The code of an instruction's operand.
  private mutating func code(of index: Int, in group: Schedule.Group, _ stage: inout StageCompiler) -> UInt32 {
    if let code = stage.code(of: index) { return code }
    if let scalar = scalars[index] { return UInt32(LOSSKIT_IN_SCALAR) | UInt32(scalar) }
    return stage.input(read(index, in: group))
  }

  private mutating func read(_ index: Int, in group: Schedule.Group) -> losskit_read {
    let scheduled = schedule.nodes[index]
    let node = scheduled.node
    if let external = external(index, at: group.extent) { return losskit_read(LOSSKIT_READ_HOST, place(external)) }
    if scheduled.isLeaf {
      switch node.operation {
      case .place: return losskit_read(LOSSKIT_READ_PLACE, 0, extent: node.a)
      case .count: return losskit_read(LOSSKIT_READ_COUNT, 0, extent: node.a)
      case .rowIndex: return losskit_read(LOSSKIT_READ_ROW, 0)
      default: return losskit_read(LOSSKIT_READ_UNIFORM, node.a)
      }
    }
    let isKept = scheduled.operation.isSort || schedule.phase(of: index) != group.stage / Schedule.span
    let place = (isKept ? kept[index] : temporaries[index]) ?? 0
    if scheduled.extent == group.extent {
      return losskit_read(isKept ? LOSSKIT_READ_KEPT : LOSSKIT_READ_TEMPORARY, place)
    }
    return losskit_read(
      isKept ? LOSSKIT_READ_SPREAD_KEPT : LOSSKIT_READ_SPREAD, place, extent: scheduled.extent.rawValue)
  }

  private func appendSweeps(after group: Schedule.Group, to stage: inout StageCompiler) {
    for (index, scheduled) in schedule.nodes.enumerated()
    where schedule.isLive[index] && scheduled.operation.isSweep && schedule.depth[index] == group.stage + 1 {
      let node = scheduled.node
      guard schedule.nodes[node.a].extent == group.extent else { continue }
      let kind: Int
      var (segment, step) = (node.c, node.value == 0 ? 1 : -1)
      var second = temporaries[node.operation == .scan ? node.b : node.a]
      switch node.operation {
      case .scan: kind = LOSSKIT_SWEEP_SCAN
      case .scanLogSumExp: kind = LOSSKIT_SWEEP_SCAN_LOG_SUM_EXP
      case .shift:
        kind = LOSSKIT_SWEEP_SHIFT
        step = node.b == 0 ? 1 : -1
      case .pick:
        kind = LOSSKIT_SWEEP_PICK
        segment = Extent.prompt.rawValue
        step = node.b
      case .firstLargest: kind = LOSSKIT_SWEEP_FIRST_LARGEST
      default:
        kind = LOSSKIT_SWEEP_ORDER
        second = rooms[index]
      }
      stage.stage.sweeps.append(
        losskit_sweep(
          kind: UInt32(kind), extent: UInt32(group.extent.rawValue), segment: UInt32(segment),
          a: UInt32(temporaries[node.a] ?? 0), b: UInt32(second ?? 0),
          result: UInt32(temporaries[index] ?? 0), step: Int32(step), value: node.value))
    }
  }
}

extension losskit_read {
  fileprivate init(_ kind: Int, _ index: Int, extent: Int = 0, other: Int = -1) {
    self.init(kind: UInt32(kind), extent: UInt32(extent), index: UInt32(index), other: Int32(other))
  }
}
