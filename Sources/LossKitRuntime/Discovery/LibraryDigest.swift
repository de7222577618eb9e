import LossKit

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

  /// Throws if there is a list of allowed sums and the file's sum is not among them.
  func checkDigest(_ allowed: Set<String>?) throws {
    guard let allowed else { return }
    let digest = digest()
    guard allowed.contains(where: { $0.lowercased() == digest }) else {
      throw Failure("\(path): its SHA-256 sum \(digest) is not on the list of allowed ones")
    }
  }
}
