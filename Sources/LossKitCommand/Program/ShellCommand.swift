/// A shell command line of the given words.
func shellCommand(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

/// A word, quoted for a shell.
private func quoted(_ word: String) -> String {
  let isPlain = word.utf8.allSatisfy { byte in
    (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
      || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")) || "/._-+=".utf8.contains(byte)
  }
  return isPlain && !word.isEmpty ? word : "'\(word.replacing("'", with: "'\\''"))'"
}
