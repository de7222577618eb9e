import CLossKit
import LossKitTestSupport
import Testing

@testable import LossKit

/// Formulas across the C boundary, including malformed ones.
@Suite struct FormulaCodingTests {
  private let columns = [
    Column("reward", differentiable: true), Column("weight", per: .prompt), Column.referenceLogProbability,
  ]

  private func decode(_ formula: losskit_formula, states: Int = 1) throws -> Graph? {
    try Graph(
      decoding: formula, responses: 2, references: 3, columns: columns, parameterCount: 1, stateCount: states)
  }

  /// Decodes borrowed nodes, with the last one as output and state.
  private func decode(_ nodes: [losskit_formula_node], rows: UInt32 = 0, outputs: [UInt32]? = nil) throws -> Graph? {
    let outputs = outputs ?? [UInt32(max(nodes.count, 1) - 1)]
    return try nodes.withUnsafeBufferPointer { nodes in
      try outputs.withUnsafeBufferPointer { outputs in
        try [UInt32(0)].withUnsafeBufferPointer { states in
          try decode(
            losskit_formula(
              rows: rows, node_count: nodes.count, output_count: outputs.count, nodes: nodes.baseAddress,
              outputs: outputs.baseAddress, state_outputs: states.baseAddress))
        }
      }
    }
  }

  private func node(_ operation: Int, _ a: UInt32 = 0, _ b: UInt32 = 0, _ c: UInt32 = 0) -> losskit_formula_node {
    losskit_formula_node(operation: UInt32(operation), a: a, b: b, c: c, value: 0.25)
  }

  private func message(_ body: () throws -> Graph?) -> String {
    do {
      return try body() == nil ? "nil" : "accepted"
    } catch {
      return "\(error)"
    }
  }

  @Test func whatIsEncodedIsDecodedAgain() throws {
    for seed in 0..<200 as Range<UInt64> {
      var kind = RandomGraph.Kind()
      kind.operations += [.batchMean, .batchSorted]
      kind.leaves = [
        GraphNode(.input), GraphNode(.input, b: 1), GraphNode(.input, a: 1), GraphNode(.input, a: 2, b: 5),
        GraphNode(.parameter), GraphNode(.state), GraphNode(.batchCount), GraphNode(.rowIndex),
        GraphNode(.uniform, a: 3),
      ]
      var graph = RandomGraph(seed: seed, kind).graph
      graph.responses = 2
      graph.references = 3
      graph.stateOutputs = [5]
      let again = try #require(try graph.withEncoded { try decode($0.pointee) })
      #expect(again.outputs == graph.outputs && again.stateOutputs == graph.stateOutputs)
      #expect(again.rows == graph.rows && again.responses == 2 && again.references == 3)
      #expect(
        zip(again.nodes, graph.nodes).allSatisfy { decoded, node in
          decoded.operation == node.operation && decoded.operands == node.operands
            && (node.operation == .constant ? decoded.value.bitPattern == node.value.bitPattern : true)
            && (node.operation.arity > 0 || (decoded.a == node.a && decoded.b == node.b))
        }, "RandomGraph(seed: \(seed), kind)")
    }
  }

  @Test func anOperationOfALaterVersionLeavesTheComponentToItsFunction() {
    #expect(message { try decode([node(0), node(15, 0)]) } == "nil")
    #expect(message { try decode([node(0), node(99, 0)]) } == "nil")
    // Operations that occur only in gradients are rejected.
    #expect(message { try decode([node(0), node(1000)]) } == "nil")
    #expect(message { try decode([node(0), node(1001, 0, 0)]) } == "nil")
  }

  @Test func aNodeHasToStandBehindItsOperands() {
    let text = "node 1 of its formula precedes its operand"
    #expect(message { try decode([node(0), node(33, 1)]) } == text)
    #expect(message { try decode([node(0), node(16, 0, 7)]) } == text)
    #expect(message { try decode([node(0), node(65, 0, 0, .max)]) } == text)
    #expect(message { try decode([node(0), node(80, 1)]) } == text)
  }

  @Test func aSlotHasToExist() {
    #expect(message { try decode([node(0), node(1, 0, 1)]) } == "accepted")
    #expect(
      message { try decode([node(1, 0, 2)]) } == "node 0 of its formula reads slot 2 of column 'reward', which has 2")
    #expect(
      message { try decode([node(1, 1, 1)]) } == "node 0 of its formula reads slot 1 of column 'weight', which has 1")
    #expect(message { try decode([node(0), node(1, 2, 5)]) } == "accepted")
    #expect(
      message { try decode([node(1, 2, 6)]) }
        == "node 0 of its formula reads slot 6 of column 'reference_logp', which has 6")
    #expect(message { try decode([node(1, 3)]) } == "node 0 of its formula reads an undeclared column")
    #expect(message { try decode([node(2, 1)]) } == "node 0 of its formula: no such parameter")
    #expect(message { try decode([node(3, 1)]) } == "node 0 of its formula: no such state")
  }

  @Test func outputsHaveToBeNodes() {
    #expect(message { try decode([node(0)], outputs: [1]) } == "an output of its formula is not a node")
    #expect(message { try decode([node(0)], outputs: [.max]) } == "an output of its formula is not a node")
    #expect(message { try decode([node(0)], rows: 1) } == "its formula is over neither prompts nor tokens")
    #expect(message { try decode([node(0)], rows: 77) } == "its formula is over neither prompts nor tokens")
    let empty = losskit_formula(
      rows: 0, node_count: 4, output_count: 1, nodes: nil, outputs: nil, state_outputs: nil)
    #expect(message { try decode(empty) } == "its formula has 4 nodes")
  }

  @Test func aStateThatDiffersFromPromptToPromptIsRefused() {
    let text = "a state of its formula differs from row to row"
    #expect(message { try decode([node(1, 0, 0), node(0)]) } == text)
    #expect(message { try decode([node(6, 0)]) } == text)
  }

  @Test func whatIsPerTokenIsReadOverTokensOnly() {
    let tokens = [Column.tokenLogProbability, Column.reward]
    func decode(_ node: losskit_formula_node, rows: UInt32) -> String {
      message {
        try withUnsafePointer(to: node) { node in
          try withUnsafePointer(to: UInt32(0)) { output in
            try Graph(
              decoding: losskit_formula(
                rows: rows, node_count: 1, output_count: 1, nodes: node, outputs: output, state_outputs: nil),
              responses: 2, references: 1, columns: tokens, parameterCount: 0, stateCount: 0)
          }
        }
      }
    }
    #expect(decode(node(1, 0), rows: 2) == "accepted")
    #expect(decode(node(1, 1), rows: 0) == "accepted")
    #expect(
      decode(node(1, 0), rows: 0)
        == "node 0 of its formula reads column 'policy_token_logp' per token, and is evaluated per prompt")
    #expect(
      decode(node(1, 1), rows: 2)
        == "node 0 of its formula reads column 'reward' per response, and is evaluated per token")
    #expect(decode(node(7), rows: 2) == "accepted")
    #expect(decode(node(7), rows: 0) == "node 0 of its formula asks for a token, and is evaluated per prompt")
    #expect(decode(node(4), rows: 2) == "node 0 of its formula asks for the batch, and is evaluated per token")
  }
}
