import Synchronization

/// Memory that a plan keeps from one run to the next, because the system clears fresh pages, which takes as long as a sort.
///
/// A run takes the memory; another run at the same time finds none and allocates its own. Sendable although it holds a pointer: the memory
/// belongs to the run that took it.
struct KeptMemory: ~Copyable, @unchecked Sendable {
  /// The number of doubles up to which memory is kept: 64 MiB.
  static let limit = 8 << 20
  /// The doubles before the memory, the first of which holds its capacity.
  private static let header = 8

  private let idle = Atomic<UnsafeMutablePointer<Double>?>(nil)

  deinit { idle.load(ordering: .acquiring)?.deallocate() }

  /// Takes memory of at least `count` doubles, which are not initialized.
  func take(_ count: Int) -> UnsafeMutablePointer<Double> {
    if let block = idle.exchange(nil, ordering: .acquiring) {
      if Int(block[0]) >= count { return block + Self.header }
      block.deallocate()
    }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: (count + Self.header) * 8, alignment: 64)
    let block = memory.bindMemory(to: Double.self, capacity: count + Self.header)
    block.initialize(to: Double(count))
    return block + Self.header
  }

  /// Gives memory back, for the next run.
  func giveBack(_ memory: UnsafeMutablePointer<Double>) {
    let block = memory - Self.header
    let isKept = Int(block[0]) <= Self.limit
    let surplus = isKept ? idle.exchange(block, ordering: .acquiringAndReleasing) : block
    surplus?.deallocate()
  }
}
