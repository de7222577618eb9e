import LossKit
import LossKitSystem

/// The contents of a log-probability file.
struct LogProbabilityTable {
  /// The values of a response.
  struct Entry {
    /// The sum over the tokens, in nats.
    let logProbability: Double
    let tokenCount: UInt32
    /// In nats.
    let tokenLogProbabilities: [Double]?
    let line: Int
  }

  /// By prompt, then by response, as UTF-8: texts are compared byte for byte, not by Unicode equivalence.
  private var entries: [[UInt8]: [[UInt8]: Entry]] = [:]

  /// Reads a file. Throws, naming the line, if it is invalid or contradicts itself.
  init(path: String) throws {
    let data: [UInt8]
    do {
      data = try FileDescriptor.bytes(ofFile: path)
    } catch {
      throw Failure("\(path): cannot be read: \(error); name a file of log-probabilities")
    }
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.allSatisfy(Self.isSpace) {
      do {
        try add(LogProbabilityRow(parsing: line), line: index + 1)
      } catch {
        throw Failure("\(path), line \(index + 1): \(error)")
      }
    }
    guard !entries.isEmpty else {
      throw Failure("\(path): holds no log-probability; a line is \(LogProbabilityRow.example)")
    }
  }

  /// The entries of a prompt's responses; nil if the prompt is not in the file.
  func responses(to prompt: some Sequence<UInt8>) -> [[UInt8]: Entry]? { entries[Array(prompt)] }

  private mutating func add(_ row: LogProbabilityRow, line: Int) throws {
    let prompt = Array(row.prompt.utf8)
    for (index, response) in row.responses.enumerated() {
      let entry = try row.entry(index, line: line)
      let key = Array(response.utf8)
      guard let old = entries[prompt]?[key] else {
        entries[prompt, default: [:]][key] = entry
        continue
      }
      guard let merged = old.merged(with: entry) else {
        throw Failure(
          "responses[\(index)] stands on line \(old.line) with the same prompt and other values; "
            + "remove the line that is wrong")
      }
      entries[prompt, default: [:]][key] = merged
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
}

extension LogProbabilityTable.Entry {
  /// The more complete of two entries for a response; nil if they contradict each other.
  fileprivate func merged(with other: Self) -> Self? {
    guard logProbability == other.logProbability, tokenCount == other.tokenCount else { return nil }
    guard let tokens = tokenLogProbabilities else { return other }
    return other.tokenLogProbabilities == nil || other.tokenLogProbabilities == tokens ? self : nil
  }
}
