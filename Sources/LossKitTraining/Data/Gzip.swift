internal import CZlib
import LossKit

/// Decompression of gzip files, which are recognized by their first two bytes.
enum Gzip {
  /// Returns the decompressed content of all members of a file, or the content itself if it is not compressed. Throws if the file is
  /// damaged or truncated.
  static func decompressed(_ content: [UInt8], name: String) throws -> [UInt8] {
    guard content.starts(with: [0x1F, 0x8B]) else { return content }
    var stream = z_stream()
    // 15 is the largest window; 16 expects a gzip header.
    let status = inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw Failure("\(name): not enough memory to decompress it") }
    defer { inflateEnd(&stream) }
    var input = content
    return try input.withUnsafeMutableBufferPointer { try inflate($0, &stream, name: name) }
  }

  private static func inflate(
    _ input: UnsafeMutableBufferPointer<UInt8>, _ stream: inout z_stream, name: String
  ) throws -> [UInt8] {
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    var start = 0
    while true {
      // zlib counts in 32 bits.
      let lent = min(input.count - start, 1 << 30)
      stream.next_in = input.baseAddress.map { $0 + start }
      stream.avail_in = UInt32(lent)
      let (status, written) = chunk.withUnsafeMutableBufferPointer { chunk in
        stream.next_out = chunk.baseAddress
        stream.avail_out = UInt32(chunk.count)
        let status = CZlib.inflate(&stream, Z_NO_FLUSH)
        return (status, chunk.count - Int(stream.avail_out))
      }
      output.append(contentsOf: chunk[..<written])
      start += lent - Int(stream.avail_in)
      switch status {
      case Z_STREAM_END:
        if start == input.count { return output }
        inflateReset(&stream)
      case Z_OK: continue
      case Z_BUF_ERROR where start == input.count:
        throw Failure("\(name): ends in the middle of its compressed content; copy the file again")
      default:
        throw Failure("\(name): damaged: gzip cannot decompress it; copy the file again")
      }
    }
  }
}
