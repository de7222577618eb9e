/// How the tokens of a tokenizer.json write bytes.
enum ByteAlphabet {
  /// The byte that each letter of GPT-2's alphabet stands for: the visible characters of Latin-1 for themselves, and those from U+0100 on
  /// for the others.
  private static let letters: [UInt32: UInt8] = {
    var letters: [UInt32: UInt8] = [:], next: UInt32 = 256
    for byte in UInt8.min...UInt8.max {
      switch byte {
      case 33...126, 161...172, 174...255: letters[UInt32(byte)] = byte
      default:
        letters[next] = byte
        next += 1
      }
    }
    return letters
  }()

  /// The bytes that a token of a byte-level tokenizer stands for; of one that is not in the alphabet, its UTF-8.
  static func bytes(of token: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(token.utf8.count)
    for scalar in token.unicodeScalars {
      guard let byte = letters[scalar.value] else { return Array(token.utf8) }
      bytes.append(byte)
    }
    return bytes
  }

  /// The token that stands for a byte in a tokenizer of characters: "<0x0A>".
  static func fallbackName(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x\(digits.count < 2 ? "0" : "")\(digits)>"
  }

  /// The byte that a token stands for in a tokenizer of characters, or nil.
  static func fallbackByte(_ token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token.last == UInt8(ascii: ">") else { return nil }
    return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
  }
}
