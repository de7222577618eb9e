#if os(Linux)
  import LossKit

  /// What the dynamic segment of a library tells the system's loader: where its tables are.
  struct ELFDynamicSegment {
    /// The tags that are read.
    enum Tag: UInt64 {
      case needed = 1, pltRelocationsSize = 2, hash = 4, strings = 5, symbols = 6, relocations = 7, relocationsSize = 8
      case relocationSize = 9, stringsSize = 10, symbolSize = 11, initialize = 12, finish = 13, name = 14, path = 15
      case implicitRelocations = 17, pltRelocationKind = 20, textRelocations = 22, pltRelocations = 23
      case initializers = 25, finishers = 26, initializersSize = 27, finishersSize = 28, runPath = 29, flags = 30
      case packedSize = 35, packed = 36, packedEntrySize = 37
      case gnuHash = 0x6FFF_FEF5, depAudit = 0x6FFF_FEFB, audit = 0x6FFF_FEFC
      case symbolVersions = 0x6FFF_FFF0, relativeCount = 0x6FFF_FFF9
      case versionsDefined = 0x6FFF_FFFC, versionsNeeded = 0x6FFF_FFFE
      case auxiliary = 0x7FFF_FFFD, filter = 0x7FFF_FFFF
    }

    let header: ELFHeader
    /// The strings of the library, the last of which ends with a zero byte.
    let strings: [UInt8]
    /// The names of the libraries that it needs.
    private(set) var needed: Set<String> = []
    private var values: [Tag: UInt64] = [:]

    private static let most: UInt64 = 1 << 20
    private static let names: [Tag] = [.name, .path, .runPath, .depAudit, .audit, .auxiliary, .filter]
    /// Tables, and the sizes without which the loader would end the program.
    private static let sizes: [(Tag, Tag)] = [
      (.relocations, .relocationsSize), (.pltRelocations, .pltRelocationsSize), (.packed, .packedSize),
      (.initializers, .initializersSize), (.finishers, .finishersSize),
    ]
    /// Sizes of entries that the loader takes for granted, and ends the program where they differ.
    private static let entries: [(table: Tag, tag: Tag, size: UInt64)] = [
      (.symbols, .symbolSize, 24), (.relocations, .relocationSize, 24), (.packed, .packedEntrySize, 8),
      (.pltRelocations, .pltRelocationKind, 7),
    ]

    init(_ file: borrowing LibraryFile, header: ELFHeader) throws {
      guard let segment = header.dynamicSegment, segment.fileSize <= Self.most,
        let words = file.words(at: segment.offset, count: Int(segment.fileSize / 16) * 2)
      else {
        throw Failure("\(file.path): not a shared library: it has no dynamic segment; link it with -shared")
      }
      var neededNames: [UInt64] = []
      var isComplete = false
      for place in stride(from: 0, to: words.count, by: 2) {
        isComplete = words[place] == 0
        if isComplete { break }
        guard let tag = Tag(rawValue: words[place]) else { continue }
        values[tag] = words[place + 1]
        if tag == .needed { neededNames.append(words[place + 1]) }
      }
      guard isComplete else { throw header.damaged("its dynamic segment has no end") }
      guard let address = values[.strings], let size = values[.stringsSize],
        let offset = header.location(ofAddress: address, count: size)
      else { throw header.damaged("its names cannot be read") }
      let strings = file.bytes(at: offset, count: Int(size))
      guard strings.last == 0, strings.count == Int(size) else { throw header.damaged("its names cannot be read") }
      (self.header, self.strings) = (header, strings)
      needed = Set(try neededNames.map(name))
      try checkValues()
    }

    subscript(_ tag: Tag) -> UInt64? { values[tag] }

    /// The file offset and the size of a table whose size another tag gives; nil if there is none.
    func table(_ tag: Tag, size: Tag) throws -> (offset: UInt64, count: Int)? {
      guard let address = values[tag], let count = values[size] else { return nil }
      guard count % 8 == 0, count <= 1 << 40 else { throw header.damaged("invalid size of a table") }
      if count == 0 { return (0, 0) }
      guard let offset = header.location(ofAddress: address, count: count) else {
        throw header.damaged("a table lies outside of what is loaded")
      }
      return (offset, Int(count))
    }

    /// The string at an offset.
    func name(at offset: UInt64) throws -> String {
      guard offset < strings.count else { throw header.damaged("a name lies outside of its names") }
      return String(decoding: strings[Int(offset)...].prefix { $0 != 0 }, as: UTF8.self)
    }

    private func checkValues() throws {
      for tag in Self.names { _ = try values[tag].map(name) }
      for (table, size) in Self.sizes where (values[table] == nil) != (values[size] == nil) {
        throw header.damaged("a table has no place or no size")
      }
      for (table, tag, size) in Self.entries where values[table] != nil {
        guard values[tag] == size else { throw header.damaged("invalid size of the entries of a table") }
      }
      guard values[.implicitRelocations] == nil else {
        throw header.damaged("its relocations are those of another machine")
      }
      guard values[.textRelocations] == nil, (values[.flags] ?? 0) & 4 == 0 else {
        throw Failure("\(header.path): its code has to be changed when it is opened; compile it with -fPIC")
      }
      for tag in [Tag.initialize, .finish] {
        guard values[tag].map(header.isExecutable) ?? true else {
          throw header.damaged("the function that sets it up lies outside of its code")
        }
      }
    }
  }
#endif
