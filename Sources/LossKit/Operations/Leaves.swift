/// Nodes without operands. Each notation writes columns, hyperparameters and constants itself.
extension Operation {
  package static let constant = Operation(0)
  package static let input = Operation(1)
  package static let parameter = Operation(2)
  package static let state = Operation(3)
  package static let batchCount = Operation(4)
  package static let rowIndex = Operation(5)
  package static let uniform = Operation(6)
  package static let tokenIndex = Operation(7)
  package static let tokenCount = Operation(8)
  package static let tokenShortest = Operation(9)
  package static let tokenRandomRank = Operation(10)
  /// The cotangent of an output; `a` is the output's index.
  package static let cotangent = Operation(200)
}

extension OperationEntry {
  static let leaves: [OperationEntry] = [
    .leaf(.constant, "constant", isBounded: false),
    .leaf(.input, "input"),
    .leaf(.parameter, "parameter"),
    .leaf(.state, "state"),
    .leaf(.batchCount, "batchCount", text: "batch_count", swift: "Formula.batchCount", latex: "B"),
    .leaf(.rowIndex, "rowIndex", text: "row", swift: "Formula.row", latex: "i"),
    .leaf(.uniform, "uniform", plain: "uniform({n})", swift: "Formula.uniform(stream: {n})", latex: "U_{{n}}"),
    .leaf(
      .tokenIndex, "tokenIndex", text: "token_index", plain: "token.index", swift: "{subject}.index", latex: "t"),
    .leaf(
      .tokenCount, "tokenCount", text: "token_count", plain: "token.count", swift: "{subject}.count", latex: "|y|"),
    .leaf(
      .tokenShortest, "tokenShortest", text: "token_shortest", plain: "token.shortest", swift: "{subject}.shortest",
      latex: #"\min_k |y_k|"#),
    .leaf(
      .tokenRandomRank, "tokenRandomRank", text: "token_random_rank", plain: "token.random_rank",
      swift: "{subject}.randomRank(stream: {n})", latex: #"\rho_{{n}}(t)"#),
    .leaf(.cotangent, "cotangent", latex: "c"),
  ]
}
