/// A dictionary from byte strings to numbers, in a few blocks of memory.
///
/// A dictionary of arrays would allocate each of the hundred thousand tokens of a vocabulary.
struct ByteTable {
  private struct Entry {
    let start, count: Int
    var value: Int32
  }

  private var bytes: [UInt8] = []
  private var entries: [Entry] = []
  /// Open addressing: the index of an entry, or -1.
  private var slots: [Int32]

  /// A table with room for `capacity` entries; it grows beyond.
  init(capacity: Int = 16) {
    var size = 32
    while size < 2 * capacity { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
    entries.reserveCapacity(capacity)
  }

  /// The number of entries.
  var count: Int { entries.count }

  /// The number of a byte string.
  subscript(_ key: some Collection<UInt8>) -> Int32? {
    key.withContiguousStorageIfAvailable { self[$0] } ?? Array(key).withUnsafeBufferPointer { self[$0] }
  }

  /// The number of a byte string.
  subscript(_ key: UnsafeBufferPointer<UInt8>) -> Int32? {
    let entry = slots[slot(of: key)]
    return entry < 0 ? nil : entries[Int(entry)].value
  }

  /// Sets the number of a byte string.
  mutating func insert(_ key: UnsafeBufferPointer<UInt8>, _ value: Int32) {
    let slot = slot(of: key)
    if slots[slot] >= 0 {
      entries[Int(slots[slot])].value = value
      return
    }
    slots[slot] = Int32(entries.count)
    entries.append(Entry(start: bytes.count, count: key.count, value: value))
    bytes.append(contentsOf: key)
    if entries.count > slots.count / 2 { grow() }
  }

  /// Sets the number of a byte string.
  mutating func insert(_ key: [UInt8], _ value: Int32) { key.withUnsafeBufferPointer { insert($0, value) } }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: 2 * slots.count)
    for (index, entry) in entries.enumerated() {
      let slot = bytes.withUnsafeBufferPointer { bytes in
        self.slot(of: UnsafeBufferPointer(rebasing: bytes[entry.start..<entry.start + entry.count]))
      }
      slots[slot] = Int32(index)
    }
  }

  /// The slot of a byte string, or the free one where it belongs.
  private func slot(of key: UnsafeBufferPointer<UInt8>) -> Int {
    var slot = Int(truncatingIfNeeded: Self.hash(key)) & (slots.count - 1)
    while slots[slot] >= 0 {
      let entry = entries[Int(slots[slot])]
      if entry.count == key.count, bytes[entry.start..<entry.start + entry.count].elementsEqual(key) { break }
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  /// Eight bytes at a time, mixed like SplitMix64.
  private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash = UInt64(truncatingIfNeeded: key.count) &* 0x9E37_79B9_7F4A_7C15
    var rest = key[...]
    while !rest.isEmpty {
      var word: UInt64 = 0
      for byte in rest.prefix(8) { word = word << 8 | UInt64(byte) }
      hash = (hash ^ word) &* 0xBF58_476D_1CE4_E5B9
      hash ^= hash >> 29
      rest = rest.dropFirst(8)
    }
    hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
    return hash ^ hash >> 31
  }
}
