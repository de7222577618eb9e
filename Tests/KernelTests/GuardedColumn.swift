import LossKitSystem

/// Numbers between two inaccessible pages; the last number ends at the start of the second.
final class GuardedColumn {
  let values: UnsafeMutablePointer<Double>
  private let count: Int
  private let mapping: UnsafeMutableRawPointer
  private let length: Int

  struct NoMemory: Error {}

  init(repeating value: Double, count: Int) throws {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let pages = (count * MemoryLayout<Double>.stride + page - 1) / page
    length = (pages + 2) * page
    guard
      let mapping = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), mapping != MAP_FAILED
    else { throw NoMemory() }
    self.mapping = mapping
    self.count = count
    let end = mapping + (pages + 1) * page
    values = (end - count * MemoryLayout<Double>.stride).bindMemory(to: Double.self, capacity: count)
    values.initialize(repeating: value, count: count)
    guard mprotect(mapping, page, PROT_NONE) == 0, mprotect(end, page, PROT_NONE) == 0 else { throw NoMemory() }
  }

  convenience init(_ values: ArraySlice<Double>) throws {
    try self.init(repeating: 0, count: values.count)
    for (index, value) in values.enumerated() { self.values[index] = value }
  }

  deinit { munmap(mapping, length) }

  var array: [Double] { Array(UnsafeBufferPointer(start: values, count: count)) }
}
