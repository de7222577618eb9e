import CMD

/// An incremental SHA-256 sum, by libmd.
public struct SHA256Digest {
  private var context = SHA2_CTX()

  /// Creates the sum of no bytes.
  public init() { SHA256Init(&context) }

  /// Adds bytes.
  public mutating func update(_ bytes: [UInt8]) { SHA256Update(&context, bytes, bytes.count) }

  /// Adds bytes.
  public mutating func update(_ bytes: ArraySlice<UInt8>) {
    bytes.withUnsafeBufferPointer { SHA256Update(&context, $0.baseAddress, $0.count) }
  }

  /// The sum of all that was added, 32 bytes.
  public mutating func bytes() -> [UInt8] {
    var sum = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    SHA256Final(&sum, &context)
    return sum
  }

  /// The sum of all that was added, in 64 lower-case hexadecimal digits.
  public mutating func hexadecimal() -> String {
    bytes().map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 2 ? digits : "0" + digits
    }.joined()
  }

  /// The sum of some bytes, in 64 lower-case hexadecimal digits.
  public static func hexadecimal(of bytes: some Sequence<UInt8>) -> String {
    var digest = SHA256Digest()
    digest.update(Array(bytes))
    return digest.hexadecimal()
  }
}
