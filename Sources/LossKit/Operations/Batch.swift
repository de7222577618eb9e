extension Operation {
  package static let batchMean = Operation(80)
  package static let batchSorted = Operation(81)
  /// Scatters sorted values `a` back to the rows that `b`, the sorted key, came from.
  package static let batchUnsorted = Operation(203)
  /// The batch mean in the gradient of a batch mean; a separate operation, so that parts of mixed rankings can pair them.
  package static let batchMeanGradient = Operation(204)
}

/// The mean over the prompts of the batch. Gradients flow through it unless stopped.
public func batchMean(_ x: Formula) -> Formula { Formula(.batchMean, x) }
/// The values of the batch in ascending order, the smallest at the first prompt. A gradient flows back to the prompt of its value.
public func batchSorted(_ x: Formula) -> Formula { Formula(.batchSorted, x) }

/// Functions of the whole batch. Exported helpers take a row of the batch as `like`; C computes them between two loops. Their derivatives,
/// which change the extent, are in Differentiation.
extension OperationEntry {
  static let batch: [OperationEntry] = [
    .batch(
      .batchMean, "batchMean", text: "batch_mean", latex: #"\mathbb{E}_B\left[{a}\right]"#, code: mean),
    .batch(
      .batchMeanGradient, "batchMeanGradient", text: "batch_mean", latex: #"\mathbb{E}_B\left[{a}\right]"#,
      code: mean),
    .batch(
      .batchSorted, "batchSorted", text: "batch_sorted", latex: #"\operatorname{sort}_B\left({a}\right)"#,
      code: .helper(
        "sorted", "x, like", numpy: "return np.sort(_rows(x, like), kind=\"stable\")",
        torch: "return torch.sort(_rows(x, like), stable=True).values", jax: "return jnp.sort(_rows(x, like))", c: nil)),
    .batch(
      .batchUnsorted, "batchUnsorted", text: "batch_unsorted", arity: 2,
      latex: #"\operatorname{sort}_B^{-1}\left({a}; {b}\right)"#,
      code: .helper(
        "unsorted", "x, key, like",
        numpy: """
          back = np.argsort(np.argsort(_rows(key, like), kind="stable"), kind="stable")
          return _rows(x, like)[back]
          """,
        torch: """
          back = torch.argsort(torch.argsort(_rows(key, like), stable=True), stable=True)
          return _rows(x, like)[back]
          """,
        jax: """
          back = jnp.argsort(jnp.argsort(_rows(key, like), stable=True), stable=True)
          return _rows(x, like)[back]
          """, c: nil)),
  ]

  private static let mean = CodeSpelling.helper(
    "mean", "x, like", numpy: "return np.mean(x)", torch: "return _rows(x, like).mean()",
    jax: "return jnp.mean(_rows(x, like))", c: nil)
}
