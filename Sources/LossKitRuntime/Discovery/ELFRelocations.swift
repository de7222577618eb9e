#if os(Linux)
  import LossKit

  /// The places of a library that the system's loader changes when it opens it.
  struct ELFRelocations {
    /// The numbers that relocations have on this machine.
    private enum Kind {
      #if arch(x86_64)
        static let none: UInt32 = 0, copy: UInt32 = 5, relative: UInt32 = 8, indirect: UInt32 = 37,
          descriptor: UInt32 = 36
        static let ofFourBytes: Set<UInt32> = [2, 10, 11, 32]
      #elseif arch(arm64)
        static let none: UInt32 = 0, copy: UInt32 = 1024, relative: UInt32 = 1027, indirect: UInt32 = 1032
        static let descriptor: UInt32 = 1031
        static let ofFourBytes: Set<UInt32> = [258, 261]
      #else
        static let none: UInt32 = 0, copy: UInt32 = 4, relative: UInt32 = 3, indirect: UInt32 = 58,
          descriptor: UInt32 = 12
        static let ofFourBytes: Set<UInt32> = [1]
      #endif
    }

    private let dynamic: ELFDynamicSegment
    private let symbolCount: Int
    /// Where the addresses of functions are that the loader calls.
    private let called: [Range<UInt64>]

    private var header: ELFHeader { dynamic.header }

    init(_ dynamic: ELFDynamicSegment, _ symbols: ELFSymbols) throws {
      self.dynamic = dynamic
      symbolCount = symbols.all.count
      let tables: [(ELFDynamicSegment.Tag, ELFDynamicSegment.Tag)] = [
        (.initializers, .initializersSize), (.finishers, .finishersSize),
      ]
      called = try tables.compactMap { tag, size in
        guard let start = dynamic[tag], let table = try dynamic.table(tag, size: size) else { return nil }
        guard start % 8 == 0 else { throw dynamic.header.damaged("the functions that set it up cannot be read") }
        return table.count == 0 ? nil : start..<start + UInt64(table.count)
      }
    }

    /// Throws for a relocation outside of what can be written, and for a function that is called but not code.
    func check(_ file: borrowing LibraryFile) throws {
      var set: Set<UInt64> = []
      if let table = try dynamic.table(.relocations, size: .relocationsSize) {
        try check(file, table, relativeCount: dynamic[.relativeCount] ?? 0, &set)
      }
      if let table = try dynamic.table(.pltRelocations, size: .pltRelocationsSize) {
        try check(file, table, relativeCount: 0, &set)
      }
      if let table = try dynamic.table(.packed, size: .packedSize) { try checkPacked(file, table, &set) }
      for range in called {
        guard stride(from: range.lowerBound, to: range.upperBound, by: 8).allSatisfy(set.contains) else {
          throw header.damaged("a function that sets it up has no address")
        }
      }
    }

    private func check(
      _ file: borrowing LibraryFile, _ table: (offset: UInt64, count: Int), relativeCount: UInt64,
      _ set: inout Set<UInt64>
    ) throws {
      guard table.count % 24 == 0, let words = file.words(at: table.offset, count: table.count / 8) else {
        throw header.damaged("invalid size of a table")
      }
      for (order, place) in stride(from: 0, to: words.count, by: 3).enumerated() {
        let (address, addend) = (words[place], words[place + 2])
        let kind = UInt32(truncatingIfNeeded: words[place + 1]), symbol = words[place + 1] >> 32
        guard order >= relativeCount || kind == Kind.relative else {
          throw header.damaged("its relocations are out of order")
        }
        if kind == Kind.none { continue }
        guard kind != Kind.copy, symbol < max(1, symbolCount) else { throw header.damaged("invalid relocation") }
        let size: UInt64 = kind == Kind.descriptor ? 16 : Kind.ofFourBytes.contains(kind) ? 4 : 8
        guard header.isWritable(address, count: size) else { throw outside }
        guard kind != Kind.indirect || header.isExecutable(addend) else { throw notCode }
        guard isCalled(address) else { continue }
        guard kind != Kind.relative || header.isExecutable(addend) else { throw notCode }
        set.insert(address)
      }
    }

    /// The packed form: the address of a word, then bits for the words that follow it.
    private func checkPacked(
      _ file: borrowing LibraryFile, _ table: (offset: UInt64, count: Int), _ set: inout Set<UInt64>
    ) throws {
      guard let words = file.words(at: table.offset, count: table.count / 8) else {
        throw header.damaged("invalid size of a table")
      }
      var next: UInt64 = 0
      for word in words {
        if word & 1 == 0 {
          try checkPacked(file, word, &set)
          next = word &+ 8
          continue
        }
        for bit in 0..<63 where word >> (bit + 1) & 1 == 1 { try checkPacked(file, next &+ UInt64(8 * bit), &set) }
        next &+= 63 * 8
      }
    }

    private func checkPacked(_ file: borrowing LibraryFile, _ address: UInt64, _ set: inout Set<UInt64>) throws {
      guard header.isWritable(address, count: 8) else { throw outside }
      guard isCalled(address) else { return }
      let offset = header.location(ofAddress: address, count: 8)
      guard let target = offset.flatMap({ file.words(at: $0, count: 1) })?.first, header.isExecutable(target) else {
        throw notCode
      }
      set.insert(address)
    }

    private func isCalled(_ address: UInt64) -> Bool { called.contains { $0.contains(address) } }

    private var outside: Failure { header.damaged("a relocation lies outside of what can be written") }
    private var notCode: Failure { header.damaged("a function that sets it up lies outside of its code") }
  }
#endif
