import LossKitHead

extension LlamaModel {
  /// Adds scale · B A to the weights of each projection of an adapter. The weights must not be shared.
  func merge(_ adapter: Adapter) throws {
    for (offsets, adapted) in zip(layout.layers, adapter.layout.layers) {
      try merge(adapter, adapted.queryKeyValue, into: offsets.queryKeyValue)
      try merge(adapter, adapted.attentionOutput, into: offsets.attentionOutput)
      try merge(adapter, adapted.gateUp, into: offsets.gateUp)
      try merge(adapter, adapted.down, into: offsets.down)
    }
    roundWeights()
  }

  private func merge(_ adapter: Adapter, _ group: AdapterLayout.Group?, into offset: Int) throws {
    guard let group else { return }
    for projection in group.projections {
      let rank = projection.setting.rank, inner = group.inner
      try MatrixProducts.run(
        Factor(adapter.weights.pointer + projection.offset, stride: rank),
        Factor(adapter.weights.pointer + group.offset + projection.rankStart * inner, stride: inner),
        into: Matrix(weights.pointer + offset + projection.column * inner, stride: inner), rows: projection.rows,
        columns: inner, inner: rank, scale: projection.setting.scale, adding: true)
    }
  }
}
