import FoundationEssentials
import LossKit

/// The contents of a log-probability file.
enum LogProbabilityTable {
  /// A prompt and a response, as UTF-8.
  struct Key: Hashable {
    let prompt, response: [UInt8]
  }

  /// What the file knows of a response.
  struct Entry {
    /// A sum over the tokens, in nats.
    let logProbability: Double
    let tokenCount: Int
    /// In nats.
    let tokenLogProbabilities: [Double]?
    let line: Int
  }

  private struct Row: Decodable {
    let prompt: String
    let responses: [String]
    let logps: [Double]
    let tokenCounts: [Int]
    let tokenLogps: [[Double]]?

    enum CodingKeys: String, CodingKey {
      case prompt, responses, logps
      case tokenCounts = "token_counts"
      case tokenLogps = "token_logps"
    }
  }

  /// Reads a file; throws with the line where it is not as it should be, or where it contradicts itself.
  static func read(path: String) throws -> [Key: Entry] {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw Failure("\(path): cannot be read: \(error)")
    }
    var entries: [Key: Entry] = [:]
    let decoder = JSONDecoder()
    for (index, line) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
    where !line.allSatisfy({ $0 == 32 || $0 == 9 || $0 == 13 }) {
      let place = "\(path): line \(index + 1)"
      let row: Row
      do {
        row = try decoder.decode(Row.self, from: Data(line))
      } catch {
        throw Failure("\(place): needs prompt, responses, logps and token_counts: \(error)")
      }
      try add(row, line: index + 1, place: place, to: &entries)
    }
    return entries
  }

  private static func add(_ row: Row, line: Int, place: String, to entries: inout [Key: Entry]) throws {
    let count = row.responses.count
    guard row.logps.count == count, row.tokenCounts.count == count, row.tokenLogps.map({ $0.count == count }) ?? true
    else { throw Failure("\(place): \(count) responses need as many logps, token_counts and token_logps") }
    for index in 0..<count {
      guard row.tokenCounts[index] > 0 else { throw Failure("\(place): a token count has to be positive") }
      guard row.logps[index] <= 0 else { throw Failure("\(place): a log-probability has to be 0 or less") }
      let tokens = row.tokenLogps?[index]
      guard tokens.map({ $0.count == row.tokenCounts[index] }) ?? true else {
        throw Failure(
          "\(place): response \(index + 1) has \(row.tokenCounts[index]) tokens and another count of token_logps")
      }
      let key = Key(prompt: Array(row.prompt.utf8), response: Array(row.responses[index].utf8))
      let entry = Entry(
        logProbability: row.logps[index], tokenCount: row.tokenCounts[index], tokenLogProbabilities: tokens, line: line
      )
      if let old = entries[key], old.logProbability != entry.logProbability || old.tokenCount != entry.tokenCount {
        throw Failure("\(place): response \(index + 1) stands in line \(old.line) with another value")
      }
      entries[key] = entry
    }
  }
}
