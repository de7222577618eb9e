import Foundation
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime
@testable import LossKitSource

/// The JSON form, evaluated by a simple program that follows its documentation.
@Suite struct FormulaJSONTests {
  @Test(arguments: ExportCases.objectives)
  func theNodesGiveWhatTheObjectiveGives(text: String) throws {
    let objective = try Objective(text, in: BuiltPlugins.registry())
    let document = try #require(
      JSONSerialization.jsonObject(with: Data(try objective.exported(as: .json).utf8)) as? [String: Any])
    #expect(document["hash"] as? String == objective.hash && document["rowwise"] as? Bool == objective.isRowwise)
    let rebuilt = try RebuiltFormula(document)
    for seed in 1..<3 as Range<UInt64> {
      let batch = ExportCases.batch(objective, prompts: 6, seed: seed)
      var state = objective.initialState
      let expected = try objective.evaluate(batch, state: &state, seed: 7)
      let found = rebuilt.evaluate(batch, state: objective.initialState, seed: 7)
      #expect(worstError(found.loss, expected.loss) < 1e-10)
      #expect(worstError(found.reward, expected.reward) < 1e-10)
      #expect(worstError(found.state, state) < 1e-10)
      for (name, gradient) in expected.gradients {
        #expect(worstError(found.gradients[name] ?? gradient.map { _ in 0 }, gradient) < 1e-10, "\(name)")
      }
    }
  }

  @Test func hyperparametersAreSymbols() throws {
    let objective = try Objective("dpo(beta=0.1) + 2*dpo(beta=0.3) + ipo(beta=0.5)", in: BuiltPlugins.registry())
    let document = try #require(
      JSONSerialization.jsonObject(with: Data(try objective.exported(as: .json).utf8)) as? [String: Any])
    let parameters = try #require(document["parameters"] as? [[String: Any]])
    let names = parameters.compactMap { $0["name"] as? String }
    #expect(names.contains("dpo_beta") && names.contains("dpo_beta_2") && names.contains("ipo_beta"))
    #expect(Set(names).count == names.count)
    var rebuilt = try RebuiltFormula(document)
    let batch = ExportCases.batch(objective, prompts: 4, seed: 1)
    rebuilt.parameters[try #require(names.firstIndex(of: "dpo_beta_2"))] = 0.7
    var state: [Double] = []
    let other = try Objective("dpo(beta=0.1) + 2*dpo(beta=0.7) + ipo(beta=0.5)", in: BuiltPlugins.registry())
    let expected = try other.evaluate(batch, state: &state)
    #expect(worstError(rebuilt.evaluate(batch, state: [], seed: 0).loss, expected.loss) < 1e-12)
  }

  @Test func whatCannotBeExportedSaysWhy() throws {
    let registry = try BuiltPlugins.registry()
    let dpo = try Objective("dpo", in: registry)
    #expect(
      message { try dpo.exported(as: .json, responses: 3) } == "export: 3 responses were asked for; this takes 2 to 2")
    let ranking = try Objective("plackett-luce", in: registry)
    #expect(
      message { try ranking.exported(as: .c, responses: 1_000_000_000) }
        == "export: 1000000000 responses were asked for; 1024 is the most")
    let counting = try Objective("dpo @ {token.count}", in: registry)
    for format in [ExportFormat.torch, .jax] {
      #expect(
        message { try counting.exported(as: format) }.hasPrefix("export: the reward reads no column per token, and"))
    }
    let component = try registry.component(named: "dpo", kind: .loss)
    #expect(message { try component.exported(as: .json, values: [1]) }.contains("got 1 values"))
    #expect(
      message { try component.exported(as: .json, values: [-1, 0]) }.contains(
        "for beta; expected a number greater than 0"))
  }
}

/// A formula from its JSON form: node by node, with arrays.
private struct RebuiltFormula {
  var parameters: [Double]
  private let columns: [(name: String, per: String, isTokenSum: Bool)]
  private let prompts, tokens: [String: Any]?
  private let responses: Int

  struct Result {
    var loss: [Double] = []
    var reward: [Double] = []
    var gradients: [String: [Double]] = [:]
    var state: [Double] = []
  }

  init(_ document: [String: Any]) throws {
    parameters = try #require(document["parameters"] as? [[String: Any]]).compactMap { $0["default"] as? Double }
    columns = try #require(document["columns"] as? [[String: Any]]).map {
      ($0["name"] as? String ?? "", $0["per"] as? String ?? "", $0["sum_of_tokens"] as? Bool ?? false)
    }
    prompts = document["prompts"] as? [String: Any]
    tokens = document["tokens"] as? [String: Any]
    responses = try #require(document["responses"] as? Int)
  }

  func evaluate(_ batch: Batch, state: [Double], seed: UInt64) -> Result {
    var batch = batch
    let offsets = batch.tokenOffsets ?? [0]
    let tokenCount = offsets.last ?? 0
    let responseOfToken = offsets.indices.dropLast().flatMap { row in
      [Int](repeating: row, count: offsets[row + 1] - offsets[row])
    }
    if let tokens, let sum = columns.first(where: \.isTokenSum) {
      let values = run(tokens, batch, rows: tokenCount, state: state, seed: seed, cotangent: [])
      var totals = [Double](repeating: 0, count: offsets.count - 1)
      for (token, value) in values[tokens["reward"] as? Int ?? 0].enumerated() {
        totals[responseOfToken[token]] += value
      }
      batch.columns[sum.name] = totals
    }
    var result = Result()
    guard let prompts else { return result }
    let ones = [[Double](repeating: 1, count: batch.prompts)]
    let values = run(prompts, batch, rows: batch.prompts, state: state, seed: seed, cotangent: ones)
    result.loss = values[prompts["loss"] as? Int ?? 0]
    result.reward = (prompts["rewards"] as? [Int] ?? []).flatMap { values[$0] }
    result.state = (prompts["states"] as? [Int] ?? []).map { values[$0][0] }
    collect(prompts, values, batch, rows: batch.prompts, into: &result)
    if let tokens, let sum = columns.first(where: \.isTokenSum) {
      let own = result.gradients.removeValue(forKey: sum.name) ?? []
      let cotangent = [responseOfToken.map { own.isEmpty ? 0 : own[$0] }]
      let values = run(tokens, batch, rows: tokenCount, state: state, seed: seed, cotangent: cotangent)
      collect(tokens, values, batch, rows: tokenCount, into: &result)
    }
    return result
  }

  private func collect(
    _ part: [String: Any], _ values: [[Double]], _ batch: Batch, rows: Int, into result: inout Result
  ) {
    for gradient in part["gradients"] as? [[String: Int]] ?? [] {
      guard let column = gradient["column"], let slot = gradient["slot"], let node = gradient["node"] else { continue }
      let name = columns[column].name
      let count = batch.columns[name]?.count ?? 0
      var whole = result.gradients[name] ?? [Double](repeating: 0, count: count)
      for row in 0..<rows { whole[slot * rows + row] = values[node][row] }
      result.gradients[name] = whole
    }
  }

  private func run(
    _ part: [String: Any], _ batch: Batch, rows: Int, state: [Double], seed: UInt64, cotangent: [[Double]]
  ) -> [[Double]] {
    var values: [[Double]] = []
    for node in part["nodes"] as? [[Any]] ?? [] {
      let name = node[0] as? String ?? ""
      let operands = node.dropFirst().map { $0 as? Int ?? 0 }
      values.append(
        value(
          name, operands, node.last, values, batch, rows: rows, state: state, seed: seed, cotangent: cotangent))
    }
    return values
  }

  private func value(
    _ name: String, _ operands: [Int], _ last: Any?, _ values: [[Double]], _ batch: Batch, rows: Int, state: [Double],
    seed: UInt64, cotangent: [[Double]]
  ) -> [Double] {
    func each(_ body: (Int) -> Double) -> [Double] { (0..<rows).map(body) }
    let offsets = batch.tokenOffsets ?? [0]
    func response(_ token: Int) -> Int { (offsets.lastIndex { $0 <= token } ?? 0) }
    func length(_ row: Int) -> Int { offsets[row + 1] - offsets[row] }
    switch name {
    case "constant":
      let special = ["Infinity": Double.infinity, "-Infinity": -.infinity, "NaN": .nan]
      let value = (last as? Double) ?? special[last as? String ?? ""] ?? 0
      return each { _ in value }
    case "input":
      let column = batch.columns[columns[operands[0]].name] ?? []
      return each { column[operands[1] * rows + $0] }
    case "parameter": return each { _ in parameters[operands[0]] }
    case "state": return each { _ in state[operands[0]] }
    case "cotangent": return each { cotangent.isEmpty ? 0 : cotangent[operands[0]][$0] }
    case "batch_count": return each { _ in Double(rows) }
    case "row": return each { Double($0) }
    case "uniform":
      return each { UniformNumbers.value(seed: seed, stream: UInt32(operands[0]), row: $0) }
    case "token_index": return each { Double($0 - offsets[response($0)]) }
    case "token_count": return each { Double(length(response($0))) }
    case "token_shortest":
      return each { token in
        Double((0..<responses).map { length($0 * batch.prompts + response(token) % batch.prompts) }.min() ?? 0)
      }
    case "token_random_rank":
      let keys = (0..<rows).map { UniformNumbers.value(seed: seed, stream: UInt32(operands[0]), row: $0) }
      return each { token in
        Double((0..<rows).count { response($0) == response(token) && keys[$0] < keys[token] })
      }
    case "batch_mean":
      let mean = pairwiseSum(values[operands[0]]) / Double(rows)
      return each { _ in mean }
    case "batch_sorted": return values[operands[0]].sorted()
    case "batch_unsorted":
      let key = values[operands[1]]
      let order = key.indices.sorted { key[$0] == key[$1] ? $0 < $1 : key[$0] < key[$1] }
      var result = values[operands[0]]
      for (rank, row) in order.enumerated() { result[row] = values[operands[0]][rank] }
      return result
    default:
      guard let operation = Operation.allCases.first(where: { $0.entry.text == name }) else {
        return each { _ in .nan }
      }
      return each { row in
        let x = operands.map { values[$0][row] } + [0, 0]
        return operation(x[0], x[1], x[2])
      }
    }
  }
}
