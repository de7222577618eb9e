#if os(Linux)
  import LossKit

  /// The hash tables of a library, by which the loader finds its symbols; only they tell how many symbols there are.
  struct ELFHashTable {
    /// The number of symbols.
    let count: Int

    /// Reads the tables. Throws for one that leads outside of itself, or round in a circle.
    init(_ file: borrowing LibraryFile, _ dynamic: ELFDynamicSegment) throws {
      var counts: [Int] = []
      if let address = dynamic[.hash] { counts.append(try Self.plain(file, dynamic, address)) }
      if let address = dynamic[.gnuHash] { counts.append(try Self.gnu(file, dynamic, address)) }
      guard let count = counts.first, counts.allSatisfy({ $0 <= count }) else {
        throw dynamic.header.damaged("its table of symbols cannot be read")
      }
      self.count = count
    }

    /// The table of System V: buckets of chains, each of which is as long as there are symbols.
    private static func plain(
      _ file: borrowing LibraryFile, _ dynamic: ELFDynamicSegment, _ address: UInt64
    ) throws -> Int {
      let damaged = dynamic.header.damaged("its hash table leads outside of itself")
      guard let place = dynamic.header.location(ofAddress: address) else { throw damaged }
      let head = ByteReader(file.bytes(at: place.offset, count: 8))
      guard let buckets = head.uint32(at: 0), let count = head.uint32(at: 4),
        8 + 4 * (UInt64(buckets) + UInt64(count)) <= place.available
      else { throw damaged }
      let table = ByteReader(file.bytes(at: place.offset + 8, count: 4 * (Int(buckets) + Int(count))))
      var seen = [Bool](repeating: false, count: Int(count))
      for bucket in 0..<Int(buckets) {
        var symbol = Int(table.uint32(at: 4 * bucket) ?? 0)
        while symbol != 0 {
          guard symbol < Int(count), !seen[symbol] else { throw damaged }
          seen[symbol] = true
          symbol = Int(table.uint32(at: 4 * (Int(buckets) + symbol)) ?? 0)
        }
      }
      return Int(count)
    }

    /// GNU's table: a filter, buckets, and chains whose last entry is odd.
    private static func gnu(
      _ file: borrowing LibraryFile, _ dynamic: ELFDynamicSegment, _ address: UInt64
    ) throws -> Int {
      let damaged = dynamic.header.damaged("its hash table leads outside of itself")
      guard let place = dynamic.header.location(ofAddress: address) else { throw damaged }
      let head = ByteReader(file.bytes(at: place.offset, count: 16))
      guard let buckets = head.uint32(at: 0), let first = head.uint32(at: 4), let filters = head.uint32(at: 8),
        filters.nonzeroBitCount == 1
      else { throw damaged }
      let bucketsStart = 16 + UInt64(filters) * 8
      let chainsStart = bucketsStart + UInt64(buckets) * 4
      guard chainsStart <= place.available else { throw damaged }
      let table = ByteReader(file.bytes(at: place.offset + bucketsStart, count: Int(buckets) * 4))
      let starts = (0..<Int(buckets)).map { table.uint32(at: 4 * $0) ?? 0 }
      guard starts.allSatisfy({ $0 == 0 || $0 >= first }) else { throw damaged }
      let last = starts.max() ?? 0
      // Linkers write any number for the first symbol of an empty table.
      guard last > 0 else { return max(Int(first), symbolsBeforeStrings(dynamic)) }
      var symbol = UInt64(last)
      while true {
        let position = chainsStart + (symbol - UInt64(first)) * 4
        guard position + 4 <= place.available else { throw damaged }
        let hash = ByteReader(file.bytes(at: place.offset + position, count: 4)).uint32(at: 0)
        guard let hash else { throw damaged }
        symbol += 1
        if hash & 1 == 1 { return Int(symbol) }
      }
    }

    /// How many symbols fit between the symbols and the strings, which linkers put behind them.
    private static func symbolsBeforeStrings(_ dynamic: ELFDynamicSegment) -> Int {
      guard let symbols = dynamic[.symbols], let strings = dynamic[.strings], strings > symbols else { return 0 }
      return Int(min((strings - symbols) / 24, 1 << 32))
    }
  }
#endif
