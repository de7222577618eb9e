#if os(Linux)
  import LossKit

  /// The machine architecture of a shared library.
  struct ELFTarget: Equatable {
    var bits: Int
    var isLittleEndian: Bool
    var machine: UInt16

    /// The architecture of this program, if its name is known.
    static var host: ELFTarget? {
      #if arch(x86_64)
        ELFTarget(bits: 64, isLittleEndian: true, machine: 62)
      #elseif arch(arm64)
        ELFTarget(bits: 64, isLittleEndian: true, machine: 183)
      #elseif arch(riscv64)
        ELFTarget(bits: 64, isLittleEndian: true, machine: 243)
      #else
        nil
      #endif
    }

    var name: String {
      let machines: [UInt16: String] = [
        3: "x86", 8: "MIPS", 20: "PowerPC", 21: "PowerPC 64", 22: "S/390", 40: "ARM", 62: "x86-64", 183: "AArch64",
        243: "RISC-V", 258: "LoongArch",
      ]
      let base = machines[machine] ?? "machine \(machine)"
      let known = ELFTarget.host.map { bits == $0.bits && isLittleEndian == $0.isLittleEndian } ?? true
      return known ? base : "\(base), \(bits) bits, \(isLittleEndian ? "little" : "big")-endian"
    }
  }

  /// The header of an ELF file: what must be valid before the system may be asked to open it. The file is not trusted;
  /// every offset in it is checked against its size, because the system's own loader does not do that.
  struct ELFHeader {
    /// A segment that is mapped to memory.
    struct Segment {
      let type: UInt32
      let flags: UInt32
      let offset, address, fileSize: UInt64
    }

    static let size = 64
    static let segmentSize = 56
    private static let loadable: UInt32 = 1
    private static let dynamic: UInt32 = 2
    private static let readable: UInt32 = 4

    let segments: [Segment]

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
      segments = try (0..<Int(count)).map { try Self.segment($0, of: table, path: path) }
      // A segment mapped past the end of the file would kill the whole program on first access.
      for segment in segments where segment.type == Self.loadable {
        guard segment.fileSize <= file.size, segment.offset <= file.size - segment.fileSize else {
          throw Self.truncated(path)
        }
      }
      // The dynamic loader reads this segment from memory, at whatever address the header gives.
      guard let dynamic = dynamicSegment else { return }
      guard let place = location(ofAddress: dynamic.address), place.offset == dynamic.offset,
        place.available >= dynamic.fileSize
      else {
        throw Failure("\(path): damaged: its dynamic segment lies outside of what is loaded; build it again")
      }
    }

    /// The segment that lists what the dynamic loader needs.
    var dynamicSegment: Segment? { segments.first { $0.type == Self.dynamic } }

    /// The file offset of a memory address, and how many bytes of its segment follow; nil for an address outside every
    /// loaded segment.
    func location(ofAddress address: UInt64) -> (offset: UInt64, available: UInt64)? {
      for segment in segments
      where segment.type == Self.loadable && segment.flags & Self.readable != 0 && address >= segment.address {
        let inside = address - segment.address
        if inside < segment.fileSize { return (segment.offset + inside, segment.fileSize - inside) }
      }
      return nil
    }

    static func truncated(_ path: String) -> Failure {
      Failure("\(path): truncated: the file ends before what its header promises; copy or build it again")
    }

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
        let fileSize = table.uint64(at: start + 32)
      else { throw truncated(path) }
      return Segment(type: type, flags: flags, offset: offset, address: address, fileSize: fileSize)
    }
  }

  /// Reads little-endian numbers from bytes; nil past their end.
  struct ByteReader {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func uint16(at offset: Int) -> UInt16? { integer(at: offset) }
    func uint32(at offset: Int) -> UInt32? { integer(at: offset) }
    func uint64(at offset: Int) -> UInt64? { integer(at: offset) }

    private func integer<I: FixedWidthInteger>(at offset: Int) -> I? {
      let size = MemoryLayout<I>.size
      guard offset >= 0, bytes.count >= size, offset <= bytes.count - size else { return nil }
      return bytes.withUnsafeBytes { I(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: I.self)) }
    }
  }
#endif
