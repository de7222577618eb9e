import LossKitHead

/// The rotated keys and the values of consecutive tokens in all layers.
final class KeyValueCache {
  private let layerCount: Int
  /// The size of a token's keys and values in one layer, in floats.
  let width: Int
  /// The number of tokens.
  private(set) var count = 0
  private var capacity = 0
  private var memory: FloatBuffer

  /// Creates a cache without tokens.
  init(_ architecture: Architecture) throws {
    layerCount = architecture.layerCount
    width = 2 * architecture.keyValueSize
    memory = try FloatBuffer(count: 0)
  }

  /// Makes room for `tokens` more tokens, whose keys and values `row` returns the memory of.
  func reserve(_ tokens: Int) throws {
    guard count + tokens > capacity else { return }
    let larger = max(count + tokens, 2 * capacity, count > 0 ? 32 : 0)
    let memory = try FloatBuffer(count: layerCount * larger * width)
    for layer in 0..<layerCount {
      (memory.pointer + layer * larger * width).update(
        from: self.memory.pointer + layer * capacity * width, count: count * width)
    }
    self.memory = memory
    capacity = larger
  }

  /// Counts tokens whose keys and values are written in all layers.
  func advance(_ tokens: Int) { count += tokens }

  /// The keys of a layer's token at `position`, followed by its values.
  func row(_ position: Int, layer: Int) -> UnsafeMutablePointer<Float> {
    memory.pointer + (layer * capacity + position) * width
  }
}
