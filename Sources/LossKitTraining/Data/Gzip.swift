internal import CZlib
import LossKit

/// Decompression of gzip files, which are recognized by their first two bytes.
final class Gzip {
  /// The first two bytes of a gzip file.
  static let signature: [UInt8] = [0x1F, 0x8B]

  private let name: String
  /// In memory of its own, because zlib keeps its address.
  private let stream: UnsafeMutablePointer<z_stream>
  private var input: [UInt8]
  /// The number of bytes of `input` that are decompressed.
  private var start = 0
  /// Whether what was decompressed ends with a member of the file.
  private var isAtEndOfMember = true

  /// Begins with the first bytes of a file, which has the name `name` in messages.
  init(_ input: [UInt8], name: String) throws {
    self.input = input
    self.name = name
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 15 is the largest window; 16 expects a gzip header.
    let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw Failure("\(name): not enough memory to decompress it") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// The next bytes of all members, at most `size`; empty at the end. `more` returns further bytes of the file, none at its end. Throws if
  /// the file is damaged or truncated.
  func next(_ size: Int, from more: () throws -> [UInt8]) throws -> [UInt8] {
    while true {
      let (status, output) = inflate(size)
      switch status {
      case Z_STREAM_END:
        inflateReset(stream)
        isAtEndOfMember = true
      case Z_OK: isAtEndOfMember = false
      case Z_BUF_ERROR where start == input.count:
        input = try more()
        start = 0
        guard input.isEmpty else { continue }
        if isAtEndOfMember { return [] }
        throw Failure("\(name): ends in the middle of its compressed content; copy the file again")
      default: throw Failure("\(name): damaged: gzip cannot decompress it; copy the file again")
      }
      if !output.isEmpty { return output }
    }
  }

  /// Decompresses as much of the input as `size` bytes hold.
  private func inflate(_ size: Int) -> (status: Int32, output: [UInt8]) {
    var status = Z_OK
    // zlib counts in 32 bits.
    let lent = min(input.count - start, 1 << 30)
    let output = [UInt8](unsafeUninitializedCapacity: size) { output, count in
      input.withUnsafeMutableBufferPointer { input in
        stream.pointee.next_in = input.baseAddress.map { $0 + start }
        stream.pointee.avail_in = UInt32(lent)
        stream.pointee.next_out = output.baseAddress
        stream.pointee.avail_out = UInt32(size)
        status = CZlib.inflate(stream, Z_NO_FLUSH)
      }
      count = size - Int(stream.pointee.avail_out)
    }
    start += lent - Int(stream.pointee.avail_in)
    return (status, output)
  }
}
