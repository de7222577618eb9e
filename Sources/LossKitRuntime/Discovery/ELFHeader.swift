#if os(Linux)
  import LossKit

  /// The header of an ELF file: what must be valid before the system may be asked to open it. The file is not trusted;
  /// every offset in it is checked against its size, because the system's own loader does not do that.
  struct ELFHeader {
    /// A segment: a part of the file that is mapped to memory, or that lies in such a part and has a meaning.
    struct Segment {
      let type: UInt32
      let flags: UInt32
      let offset, address, fileSize, memorySize, alignment: UInt64

      static let loadable: UInt32 = 1, dynamic: UInt32 = 2, note: UInt32 = 4, table: UInt32 = 6, threadLocal: UInt32 = 7
      static let unwinding: UInt32 = 0x6474_E550, readOnlyLater: UInt32 = 0x6474_E552, property: UInt32 = 0x6474_E553

      var isExecutable: Bool { flags & 1 != 0 }
      var isWritable: Bool { flags & 2 != 0 }
      var isReadable: Bool { flags & 4 != 0 }
      /// Where it ends in memory; `ELFHeader` has checked that this does not overflow.
      var end: UInt64 { address &+ memorySize }

      /// Whether it has the whole of a range in memory.
      func holds(_ start: UInt64, _ count: UInt64) -> Bool {
        start >= address && start - address <= memorySize && memorySize - (start - address) >= count
      }
    }

    static let size = 64
    static let segmentSize = 56

    let path: String
    let segments: [Segment]
    /// The segments that are mapped, in the order of their addresses.
    let loaded: [Segment]
    /// The offset of the table of segments.
    let tableOffset: UInt64

    /// Reads the header. Throws for a file that is not a complete shared library for this machine.
    init(_ file: borrowing LibraryFile) throws {
      let path = file.path
      let head = ByteReader(file.bytes(at: 0, count: Self.size))
      guard head.bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else {
        throw Failure(
          "\(path): not a shared library (no ELF header); a plugin is built with -shared or as a dynamic product")
      }
      try Self.checkTarget(head, path: path)
      guard let type = head.uint16(at: 16), let tableOffset = head.uint64(at: 32), let entrySize = head.uint16(at: 54),
        let count = head.uint16(at: 56)
      else { throw Self.truncated(path) }
      guard type == 3 else {
        throw Failure("\(path): not a shared library but an ELF file of another kind; link it with -shared")
      }
      guard Int(entrySize) == Self.segmentSize, count > 0 else {
        throw Failure("\(path): damaged: invalid program headers; build it again")
      }
      let table = ByteReader(file.bytes(at: tableOffset, count: Int(count) * Self.segmentSize))
      self.path = path
      self.tableOffset = tableOffset
      segments = try (0..<Int(count)).map { try Self.segment($0, of: table, path: path) }
      loaded = segments.filter { $0.type == Segment.loadable }
      // A segment mapped past the end of the file would kill the whole program on first access.
      for segment in loaded {
        guard segment.fileSize <= file.size, segment.offset <= file.size - segment.fileSize else {
          throw Self.truncated(path)
        }
      }
      try checkSegments()
    }

    /// The segment that lists what the dynamic loader needs.
    var dynamicSegment: Segment? { segments.first { $0.type == Segment.dynamic } }

    /// The file offset of a memory address, and how many bytes of its segment follow; nil for an address outside every
    /// readable segment.
    func location(ofAddress address: UInt64) -> (offset: UInt64, available: UInt64)? {
      for segment in loaded where segment.isReadable && address >= segment.address {
        let inside = address - segment.address
        if inside < segment.fileSize { return (segment.offset + inside, segment.fileSize - inside) }
      }
      return nil
    }

    /// The file offset of a range in memory; nil unless all of it is in one readable segment of the file.
    func location(ofAddress address: UInt64, count: UInt64) -> UInt64? {
      location(ofAddress: address).flatMap { $0.available >= count ? $0.offset : nil }
    }

    /// Whether a range in memory can be written.
    func isWritable(_ address: UInt64, count: UInt64) -> Bool {
      loaded.contains { $0.isWritable && $0.holds(address, count) }
    }

    /// Whether code of the file can be at an address.
    func isExecutable(_ address: UInt64) -> Bool {
      loaded.contains { $0.isExecutable && address >= $0.address && address - $0.address < $0.fileSize }
    }

    static func truncated(_ path: String) -> Failure {
      Failure("\(path): truncated: the file ends before what its header promises; copy or build it again")
    }

    func damaged(_ problem: String) -> Failure { Failure("\(path): damaged: \(problem); copy or build it again") }

    private static func checkTarget(_ head: ByteReader, path: String) throws {
      guard head.bytes.count >= 20 else { throw truncated(path) }
      let isLittleEndian = head.bytes[5] != 2
      guard let stored = head.uint16(at: 18) else { throw truncated(path) }
      let target = ELFTarget(
        bits: head.bytes[4] == 1 ? 32 : 64, isLittleEndian: isLittleEndian,
        machine: isLittleEndian ? stored : stored.byteSwapped)
      if let host = ELFTarget.host, target != host {
        throw Failure("\(path): built for \(target.name), this machine is \(host.name); build it for this machine")
      }
    }

    private static func segment(_ index: Int, of table: ByteReader, path: String) throws -> Segment {
      let start = index * segmentSize
      guard let type = table.uint32(at: start), let flags = table.uint32(at: start + 4),
        let offset = table.uint64(at: start + 8), let address = table.uint64(at: start + 16),
        let fileSize = table.uint64(at: start + 32), let memorySize = table.uint64(at: start + 40),
        let alignment = table.uint64(at: start + 48)
      else { throw truncated(path) }
      return Segment(
        type: type, flags: flags, offset: offset, address: address, fileSize: fileSize, memorySize: memorySize,
        alignment: alignment)
    }
  }
#endif
