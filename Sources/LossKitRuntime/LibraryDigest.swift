import CMD

extension LibraryFile {
  /// The SHA-256 sum of the file, in 64 lower-case hexadecimal digits.
  func digest() -> String {
    var context = SHA2_CTX()
    SHA256Init(&context)
    var offset: UInt64 = 0
    while true {
      let chunk = bytes(at: offset, count: 1 << 18)
      if chunk.isEmpty { break }
      SHA256Update(&context, chunk, chunk.count)
      offset += UInt64(chunk.count)
    }
    var sum = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    SHA256Final(&sum, &context)
    return sum.map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 2 ? digits : "0" + digits
    }.joined()
  }
}
