/// The projections that an adapter changes, and the offsets of their matrices in its flat array.
struct AdapterLayout: Sendable {
  /// The rank of a projection's matrices, and the factor on their product.
  struct Setting: Sendable, Equatable {
    var rank: Int
    var scale: Float
  }

  /// The matrices A [rank, inner] and B [rows, rank] of one projection.
  struct Projection: Sendable {
    let setting: Setting
    /// The number of outputs, and the number of those before in the group's product.
    let rows, column: Int
    /// The sum of the ranks before in the group.
    let rankStart: Int
    /// The offset of B.
    let offset: Int
  }

  /// The adapted projections of one product. Their matrices A are contiguous, so that they are one product, too.
  struct Group: Sendable {
    /// The offset of the first A, the number of their rows, and of their columns.
    let offset, rank, inner: Int
    let projections: [Projection]
  }

  /// The groups of one layer; nil where nothing is adapted.
  struct Layer: Sendable {
    var queryKeyValue, attentionOutput, gateUp, down: Group?
  }

  private(set) var tensors: [WeightTensor] = []
  private(set) var layers: [Layer] = []
  /// The number of weights.
  private(set) var count = 0
  /// The largest rank of a group.
  private(set) var largestRank = 0
  /// The adapted modules, and the factors on the products of their matrices.
  private(set) var factors: [(name: String, scale: Float)] = []

  /// Adapts the modules of a base for which `setting` returns a rank.
  init(_ base: WeightLayout, _ architecture: Architecture, setting: (_ module: String) -> Setting?) {
    let hidden = architecture.hiddenSize, intermediate = architecture.intermediateSize
    let query = architecture.querySize
    let matrices = Self.matrices(of: base)
    for offsets in base.layers {
      func group(_ start: Int, width: Int, inner: Int) -> Group? {
        let range = start..<start + width * inner
        return add(matrices.filter { range.contains($0.offset) }, start: start, inner: inner, setting: setting)
      }
      layers.append(
        Layer(
          queryKeyValue: group(offsets.queryKeyValue, width: architecture.attentionSize, inner: hidden),
          attentionOutput: group(offsets.attentionOutput, width: hidden, inner: query),
          gateUp: group(offsets.gateUp, width: 2 * intermediate, inner: hidden),
          down: group(offsets.down, width: hidden, inner: intermediate)))
    }
  }

  /// The matrices of a base that can be adapted: those of its layers.
  static func matrices(of base: WeightLayout) -> [WeightTensor] {
    base.tensors.filter { $0.isMatrix && $0.name.hasPrefix("model.layers.") }
  }

  /// The module that a weight matrix belongs to, as PEFT names it.
  static func module(of tensor: WeightTensor) -> String { String(tensor.name.dropLast(".weight".count)) }

  /// The names of a module's two tensors in PEFT's files.
  static func names(ofModule module: String) -> (a: String, b: String) {
    ("base_model.model.\(module).lora_A.weight", "base_model.model.\(module).lora_B.weight")
  }

  private mutating func add(
    _ matrices: [WeightTensor], start: Int, inner: Int, setting: (String) -> Setting?
  ) -> Group? {
    let adapted = matrices.compactMap { matrix in
      setting(Self.module(of: matrix)).map {
        (matrix: matrix, names: Self.names(ofModule: Self.module(of: matrix)), $0)
      }
    }
    guard !adapted.isEmpty else { return nil }
    let offset = count
    for (_, names, setting) in adapted { _ = add(names.a, [setting.rank, inner]) }
    var rank = 0
    let projections = adapted.map { matrix, names, setting in
      defer { rank += setting.rank }
      factors.append((Self.module(of: matrix), setting.scale))
      return Projection(
        setting: setting, rows: matrix.shape[0], column: (matrix.offset - start) / inner, rankStart: rank,
        offset: add(names.b, [matrix.shape[0], setting.rank]))
    }
    largestRank = max(largestRank, rank)
    return Group(offset: offset, rank: rank, inner: inner, projections: projections)
  }

  private mutating func add(_ name: String, _ shape: [Int]) -> Int {
    let tensor = WeightTensor(name: name, shape: shape, offset: count, role: .projection)
    tensors.append(tensor)
    count += tensor.count
    return tensor.offset
  }
}
