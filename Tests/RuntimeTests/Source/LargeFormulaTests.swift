import Foundation
import LossKit
import LossKitTestSupport
import Synchronization
import Testing

@testable import LossKitRuntime
@testable import LossKitSource

/// Large formulas in every notation and language: texts grow like the formula, and depth needs no stack.
@Suite struct LargeFormulaTests {
  /// Formulas of `count` operations; each level uses the one before it.
  private enum Shape: String, CaseIterable {
    /// r / b / b / …
    case chain
    /// Each level uses the negative of the one before twice, and negatives are not named.
    case negatives
    /// Each level uses the one before twice.
    case shared
    /// Statistics of the batch, each of the one before.
    case statistics
    /// Numbers of the whole batch, each of the one before and of a statistic.
    case numbers

    func graph(_ count: Int) -> Graph {
      var builder = GraphBuilder()
      let reward = builder.insert(GraphNode(.input))
      let parameter = builder.insert(GraphNode(.parameter))
      var value = reward
      for level in 0..<count {
        switch self {
        case .chain: value = builder.add(.divide, value, parameter)
        case .negatives:
          let negative = builder.add(.negate, builder.add(.tanh, builder.add(.add, value, parameter)))
          value = builder.add(.maximum, builder.add(.exp, negative), builder.add(.sigmoid, negative))
        case .shared: value = builder.add(.add, builder.add(.tanh, value), builder.add(.sigmoid, value))
        case .statistics:
          let mean = builder.insert(GraphNode(.batchMean, a: value, value: Double(level)))
          value = builder.add(.multiply, mean, reward)
        case .numbers:
          if level == 0 { value = parameter }
          let product = builder.add(.multiply, reward, value)
          let mean = builder.insert(GraphNode(.batchMean, a: product, value: Double(level)))
          value = builder.add(.tanh, builder.add(.add, mean, value))
        }
      }
      var graph = Graph()
      graph.nodes = builder.nodes
      graph.outputs = [value]
      (graph.responses, graph.references) = (1, 1)
      return graph
    }
  }

  @Test(arguments: Shape.allCases.map(\.rawValue))
  func textsGrowLikeTheFormulaAndDepthNeedsNoStack(name: String) throws {
    let shape = try #require(Shape(rawValue: name))
    let count = shape == .chain ? 10_000 : 200
    let result = Mutex<Result<[String: Int], any Error>?>(nil)
    let thread = Thread {
      let found = Result { try Self.lengths(shape.graph(count)) }
      result.withLock { $0 = found }
    }
    thread.stackSize = 192 << 10
    thread.start()
    while !thread.isFinished { Thread.sleep(forTimeInterval: 0.01) }
    let lengths = try #require(result.withLock { $0 }).get()
    #expect(lengths.count == 9)
    for (format, length) in lengths { #expect(length < 20_000 + 1500 * count, "\(format)") }
  }

  /// The lengths of a loss's texts.
  private static func lengths(_ graph: Graph) throws -> [String: Int] {
    let columns = [Column.reward]
    let symbols = FormulaSymbols(columns: columns, parameters: ["b"], parameterSymbols: ["b"], states: [])
    var lengths: [String: Int] = [:]
    func length(_ description: FormulaDescription) -> Int {
      description.lines(value: "loss") { "d \($0)" }.reduce(0) { $0 + $1.utf8.count }
    }
    lengths["plain"] = length(FormulaDescription(graph, columns: columns, notation: PlainNotation(symbols)))
    lengths["latex formula"] = length(FormulaDescription(graph, columns: columns, notation: LaTeXNotation(symbols)))
    let value = SwiftSource.Value(name: "b", initial: 1)
    lengths["swift"] = try SwiftSource(
      graph, kind: .loss, columns: columns, parameters: [value], states: [], defaultReward: nil
    ).file(name: "a", typeName: "A", summary: "").utf8.count
    let parameter = ExportedFormula.Parameter("b", of: "a", symbol: "b", bounds: .any, range: "a number", value: 1)
    let formula = ExportedFormula(
      .loss, title: "a", name: "a", responses: 1, references: 1, isRowwise: graph.isRowwise, columns: columns,
      parameters: [parameter], states: [], main: graph, tokens: nil, keepsStops: false)
    lengths["c"] = CSource(formula).text.utf8.count
    lengths["python"] = try NumPySource(formula).text.utf8.count
    lengths["torch"] = try TorchSource(formula).text.utf8.count
    lengths["jax"] = try JAXSource(formula).text.utf8.count
    lengths["json"] = FormulaJSON(formula, rewardScale: 1).text.utf8.count
    lengths["latex"] = LaTeXSource(formula).text.utf8.count
    return lengths
  }

  @Test func hyperparametersOfEqualTermsAreNumbered() throws {
    let objective = try Objective("dpo + dpo + dpo", in: BuiltPlugins.registry())
    let formula = try ExportedFormula(objective, responses: nil, references: nil)
    #expect(
      formula.parameters.map(\.name) == [
        "dpo_beta", "dpo_label_smoothing", "dpo_beta_2", "dpo_label_smoothing_2", "dpo_beta_3", "dpo_label_smoothing_3",
      ])
  }
}
