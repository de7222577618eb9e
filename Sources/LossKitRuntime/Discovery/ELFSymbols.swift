#if os(Linux)
  import LossKit

  /// The symbols that a shared library exports, as the dynamic loader will see them: read through the dynamic segment,
  /// since section headers may have been stripped.
  struct ELFSymbols {
    private static let symbolSize = 24

    private let symbols: ByteReader
    private let count: Int
    private let names: [UInt8]

    init(_ file: borrowing LibraryFile, header: ELFHeader) throws {
      let tags = try Self.dynamicTags(file, header: header)
      guard let symbolTable = tags[6], let stringTable = tags[5], let stringSize = tags[10],
        let count = Self.symbolCount(file, header: header, tags: tags),
        let symbolLocation = header.location(ofAddress: symbolTable),
        let stringLocation = header.location(ofAddress: stringTable),
        UInt64(count) * UInt64(Self.symbolSize) <= symbolLocation.available, stringSize <= stringLocation.available
      else { throw Failure("\(file.path): damaged: its table of symbols cannot be read; build it again") }
      symbols = ByteReader(file.bytes(at: symbolLocation.offset, count: count * Self.symbolSize))
      names = file.bytes(at: stringLocation.offset, count: Int(stringSize))
      self.count = count
    }

    /// The rest of the name of each defined and visible symbol that begins with `prefix`.
    func suffixes(ofNamesWithPrefix prefix: String) -> [String] {
      let prefix = Array(prefix.utf8)
      return (0..<count).compactMap { index in
        guard let start = definedName(index), names.count - start >= prefix.count,
          names[start...].starts(with: prefix)
        else { return nil }
        return String(decoding: names[(start + prefix.count)...].prefix { $0 != 0 }, as: UTF8.self)
      }
    }

    /// The names of the defined and visible symbols, without inline functions and templates of C++: without
    /// optimization, compilers emit those of the standard library, as weak symbols, into every object that uses them,
    /// whatever the visibility.
    var namesBesideInlineFunctions: [String] {
      (0..<count).compactMap { index in
        guard let start = definedName(index), let information = symbols.uint16(at: index * Self.symbolSize + 4)
        else { return nil }
        let name = String(decoding: names[start...].prefix { $0 != 0 }, as: UTF8.self)
        let isGlobal = (information & 0xFF) >> 4 == 1
        return isGlobal || !name.hasPrefix("_Z") ? name : nil
      }
    }

    /// The names of the defined and visible functions.
    var functions: [String] {
      (0..<count).compactMap { index in
        // A function, or an indirect one that is resolved when the library is opened.
        guard let start = definedName(index), let information = symbols.uint16(at: index * Self.symbolSize + 4),
          [2, 10].contains(information & 0xF)
        else { return nil }
        return String(decoding: names[start...].prefix { $0 != 0 }, as: UTF8.self)
      }
    }

    /// The offset of a symbol's name; nil if the library only imports the symbol, or hides it.
    private func definedName(_ index: Int) -> Int? {
      let start = index * Self.symbolSize
      guard let name = symbols.uint32(at: start), let information = symbols.uint16(at: start + 4),
        let section = symbols.uint16(at: start + 6), section != 0, Int(name) < names.count
      else { return nil }
      let binding = (information & 0xFF) >> 4
      return [1, 2, 10].contains(binding) ? Int(name) : nil
    }

    private static func dynamicTags(_ file: borrowing LibraryFile, header: ELFHeader) throws -> [UInt64: UInt64] {
      guard let segment = header.dynamicSegment, segment.fileSize <= 1 << 20 else {
        throw Failure("\(file.path): not a shared library: it has no dynamic segment; link it with -shared")
      }
      let table = ByteReader(file.bytes(at: segment.offset, count: Int(segment.fileSize)))
      var tags: [UInt64: UInt64] = [:]
      for start in stride(from: 0, to: table.bytes.count, by: 16) {
        guard let tag = table.uint64(at: start), let value = table.uint64(at: start + 8), tag != 0 else { break }
        tags[tag] = value
      }
      return tags
    }

    /// The number of dynamic symbols, which only the hash tables give.
    private static func symbolCount(
      _ file: borrowing LibraryFile, header: ELFHeader, tags: [UInt64: UInt64]
    ) -> Int? {
      if let address = tags[4], let location = header.location(ofAddress: address) {
        return ByteReader(file.bytes(at: location.offset, count: 8)).uint32(at: 4).map(Int.init)
      }
      guard let address = tags[0x6FFF_FEF5], let location = header.location(ofAddress: address) else { return nil }
      return gnuSymbolCount(file, offset: location.offset, available: location.available)
    }

    /// The end of the last chain of a GNU hash table.
    private static func gnuSymbolCount(_ file: borrowing LibraryFile, offset: UInt64, available: UInt64) -> Int? {
      let head = ByteReader(file.bytes(at: offset, count: 16))
      guard let bucketCount = head.uint32(at: 0), let first = head.uint32(at: 4), let filterCount = head.uint32(at: 8)
      else { return nil }
      let bucketsStart = 16 + UInt64(filterCount) * 8
      let chainsStart = bucketsStart + UInt64(bucketCount) * 4
      guard chainsStart <= available else { return nil }
      let buckets = ByteReader(file.bytes(at: offset + bucketsStart, count: Int(bucketCount) * 4))
      let last = (0..<Int(bucketCount)).compactMap { buckets.uint32(at: $0 * 4) }.max() ?? 0
      guard last >= first else { return Int(first) }
      var symbol = UInt64(last)
      while true {
        let position = chainsStart + (symbol - UInt64(first)) * 4
        guard position + 4 <= available else { return nil }
        guard let hash = ByteReader(file.bytes(at: offset + position, count: 4)).uint32(at: 0) else { return nil }
        symbol += 1
        if hash & 1 == 1 { return Int(symbol) }
      }
    }
  }

  extension PluginLibrary {
    /// The symbols that a library file exports, the entry function of plugins among them; the file is not opened as a
    /// plugin. C++ inline functions and templates are left out. Throws for a file that is not a shared library for this
    /// machine.
    package static func exportedSymbols(of path: String) throws -> [String] {
      let file = try LibraryFile(path: absolutePath(path))
      return try ELFSymbols(file, header: ELFHeader(file)).namesBesideInlineFunctions
    }
  }

  /// Throws if a file cannot be opened as a plugin of this ABI, with the reason.
  func checkELF(_ file: borrowing LibraryFile) throws {
    let symbols = try ELFSymbols(file, header: ELFHeader(file))
    let versions = symbols.suffixes(ofNamesWithPrefix: PluginEntry.symbolPrefix)
    if versions.contains(String(PluginEntry.version)) { return }
    guard let other = versions.compactMap({ Int($0) }).max() else {
      throw Failure("\(file.path): not a LossKit plugin: it does not export \(PluginEntry.symbol)")
    }
    throw Failure(
      "\(file.path): made for plugin ABI \(other), this is \(PluginEntry.version); build it with the header of this version"
    )
  }
#endif
