extension LibraryFile {
  /// The SHA-256 sum of the file, in 64 lower-case hexadecimal digits.
  func digest() -> String {
    var digest = SHA256Digest()
    var offset: UInt64 = 0
    while true {
      let chunk = bytes(at: offset, count: 1 << 18)
      if chunk.isEmpty { break }
      digest.update(chunk)
      offset += UInt64(chunk.count)
    }
    return digest.hexadecimal()
  }
}
