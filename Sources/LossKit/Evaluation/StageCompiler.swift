import CLossKitKernels

/// The instructions of one stage, with register allocation.
struct StageCompiler {
  private(set) var uses: [Int: Int] = [:]
  var stage = PlanDraft.Stage()
  private var registers: [Int: UInt32] = [:]
  /// Values in columns, which instructions read in place.
  private var stored: [Int: UInt32] = [:]
  private var free: [UInt32] = []
  private var inputs: [[UInt64]: UInt32] = [:]

  init(extent: Extent) { stage.extent = extent }

  mutating func countUses(of members: [Int], in schedule: Schedule) {
    for member in members where schedule.nodes[member].isMember {
      for operand in schedule.nodes[member].node.operands { uses[operand, default: 0] += 1 }
    }
  }

  /// The operand for a read.
  mutating func input(_ read: losskit_read) -> UInt32 {
    let key = [
      UInt64(read.kind) << 32 | UInt64(read.extent), UInt64(read.index), UInt64(bitPattern: Int64(read.other)),
    ]
    if let code = inputs[key] { return code }
    stage.reads.append(read)
    let code = UInt32(LOSSKIT_IN_INPUT) | UInt32(stage.reads.count - 1)
    inputs[key] = code
    return code
  }

  /// Uses an operand for a node's value.
  mutating func replace(_ node: Int, by code: UInt32) { stored[node] = code }

  /// The operand of a value of this stage; nil if the stage does not hold it.
  func code(of node: Int) -> UInt32? {
    registers[node].map { UInt32(LOSSKIT_IN_REGISTER) | $0 } ?? stored[node]
  }

  mutating func emit(
    _ kernel: UInt32, of operands: [UInt32], for node: Int?, actions: [losskit_action], temporary: Int?
  ) {
    let result: UInt32
    if actions.isEmpty, temporary == nil {
      let register = free.popLast() ?? newRegister()
      if let node { registers[node] = register }
      result = UInt32(LOSSKIT_IN_REGISTER) | register
    } else {
      let output = UInt32(stage.outputs.count)
      stage.outputs.append(temporary.map { Int32($0) } ?? -1)
      stage.actions += actions.map { action in
        var action = action
        action.output = output
        return action
      }
      result = UInt32(LOSSKIT_IN_OUTPUT) | output
      if let node { stored[node] = result }
    }
    let codes = operands + [0, 0]
    stage.instructions.append(
      losskit_instruction(
        kernel: kernel, result: result, a: codes[0], b: codes[1], c: operands.count > 2 ? codes[2] : 0))
  }

  /// Records a use of an operand.
  mutating func release(_ node: Int) {
    guard let count = uses[node] else { return }
    uses[node] = count - 1
    if count == 1, let register = registers[node] {
      free.append(register)
      registers[node] = nil
    }
  }

  private mutating func newRegister() -> UInt32 {
    stage.registers += 1
    return UInt32(stage.registers - 1)
  }
}
