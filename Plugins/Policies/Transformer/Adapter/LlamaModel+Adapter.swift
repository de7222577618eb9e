import LossKitHead

/// The gradient of a group's inputs reduced to its ranks, [tokens, rank]: scale · cotangent · B for each projection.
struct PassedBack {
  let group: AdapterLayout.Group
  let reduced: Factor
}

// What an adapter adds to the forward and the backward pass. In bfloat16, both factors of each product are rounded, as elsewhere.
extension LlamaModel {
  /// Adds scale · B (A x) for each projection of a group to its columns of the product's output.
  func addAdapted(
    _ group: AdapterLayout.Group?, _ input: Factor, to output: Matrix, _ tokens: Int, _ arrays: Workspace.Arrays,
    _ products: MatrixProducts
  ) throws {
    guard let group, let adapter, !adapter.isVoid else { return }
    let reduced = try reduce(input, group, adapter, tokens, arrays, products)
    for projection in group.projections {
      let rank = projection.setting.rank
      try products.run(
        reduced.dropping(columns: projection.rankStart),
        adapter.matrix(projection.offset, columns: rank).transposed,
        into: Matrix(output.start + projection.column, stride: output.stride), rows: tokens, columns: projection.rows,
        inner: rank, adding: true)
    }
  }

  /// Adds the gradient of a group's input, given that of the product.
  func passBack(
    _ group: AdapterLayout.Group?, _ cotangent: Factor, to gradient: Matrix, _ tokens: Int, _ arrays: Workspace.Arrays,
    _ products: MatrixProducts
  ) throws -> PassedBack? {
    guard let group, let adapter else { return nil }
    let target = Matrix(arrays.reducedGradient, stride: group.rank)
    for projection in group.projections {
      let rank = projection.setting.rank
      try products.run(
        cotangent.dropping(columns: projection.column), adapter.matrix(projection.offset, columns: rank),
        into: Matrix(target.start + projection.rankStart, stride: group.rank), rows: tokens, columns: rank,
        inner: projection.rows)
    }
    let reduced = scaled(target, group, tokens, roundedInto: arrays.reducedGradientRounded)
    try products.run(
      reduced, adapter.matrix(group.offset, columns: group.inner), into: gradient, rows: tokens, columns: group.inner,
      inner: group.rank, adding: true)
    return PassedBack(group: group, reduced: reduced)
  }

  /// Adds the gradients of A and B, given that of the product and its input; A x is computed again.
  func addAdapterGradient(
    _ passed: PassedBack, cotangent: Factor, input: Factor, _ tokens: Int, _ arrays: Workspace.Arrays,
    _ products: MatrixProducts, into gradient: UnsafeMutablePointer<Float>
  ) throws {
    guard let adapter else { return }
    let group = passed.group
    try products.run(
      passed.reduced.transposed, input, into: Matrix(gradient + group.offset, stride: group.inner), rows: group.rank,
      columns: group.inner, inner: tokens, adding: true)
    let reduced = try reduce(input, group, adapter, tokens, arrays, products)
    for projection in group.projections {
      let rank = projection.setting.rank
      try products.run(
        cotangent.dropping(columns: projection.column).transposed, reduced.dropping(columns: projection.rankStart),
        into: Matrix(gradient + projection.offset, stride: rank), rows: projection.rows, columns: rank, inner: tokens,
        adding: true)
    }
  }

  /// scale · A x of a group, [tokens, rank].
  private func reduce(
    _ input: Factor, _ group: AdapterLayout.Group, _ adapter: Adapter, _ tokens: Int, _ arrays: Workspace.Arrays,
    _ products: MatrixProducts
  ) throws -> Factor {
    let target = Matrix(arrays.reduced, stride: group.rank)
    try products.run(
      input, adapter.matrix(group.offset, columns: group.inner).transposed, into: target, rows: tokens,
      columns: group.rank, inner: group.inner)
    return scaled(target, group, tokens, roundedInto: arrays.reducedRounded)
  }

  /// Multiplies each projection's columns by its scale, and returns the matrix in the type of products.
  private func scaled(
    _ values: Matrix, _ group: AdapterLayout.Group, _ tokens: Int, roundedInto buffer: UnsafeMutablePointer<Float>
  ) -> Factor {
    for projection in group.projections where projection.setting.scale != 1 {
      for row in 0..<tokens {
        multiply(
          values.start + row * group.rank + projection.rankStart, by: projection.setting.scale,
          count: projection.setting.rank)
      }
    }
    return operand(of: values.start, columns: group.rank, rows: tokens, roundedInto: buffer)
  }
}
