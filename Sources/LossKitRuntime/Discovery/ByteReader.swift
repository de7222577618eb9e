#if os(Linux)
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
