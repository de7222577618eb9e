import FoundationEssentials
import LossKit
import LossKitJSON

/// A line of a log-probability file.
struct LogProbabilityRow: Decodable {
  /// What a line looks like, for messages.
  static let example = #"{"prompt": "…", "responses": ["…"], "logps": [-12.5], "token_counts": [9]}"#

  let prompt: String
  let responses: [String]
  let logps: [Double]
  /// Numbers of any kind, so that one that is no count can be shown.
  let tokenCounts: [Double]
  let tokenLogps: [[Double]]?

  enum CodingKeys: String, CodingKey {
    case prompt, responses, logps
    case tokenCounts = "token_counts"
    case tokenLogps = "token_logps"
  }

  /// Parses a line, of which nothing is trusted. Throws a failure that names the key that is not as it should be.
  init(parsing line: Data) throws {
    // The decoder looks at the texts only that it is asked for, and takes one of two values of a key.
    do throws(JSONError) {
      _ = try JSONValue(parsing: line)
    } catch {
      throw Failure("\(error.problem) (column \(error.column)); a line is \(Self.example)")
    }
    do {
      self = try JSONDecoder().decode(Self.self, from: line)
    } catch let error as DecodingError {
      throw Failure("\(Self.problem(error)); a line is \(Self.example)")
    }
    try checkCounts()
  }

  /// What the line says of a response.
  func entry(_ index: Int, line: Int) throws -> LogProbabilityTable.Entry {
    guard !responses[index].isEmpty else { throw Failure("responses[\(index)] is empty; remove it") }
    guard let tokenCount = UInt32(exactly: tokenCounts[index]), tokenCount > 0 else {
      throw Failure("token_counts[\(index)] is \(tokenCounts[index]); a token count is a whole number from 1 on")
    }
    guard logps[index] <= 0 else {
      throw Failure("logps[\(index)] is \(logps[index]); a log-probability is 0 or less")
    }
    let tokens = tokenLogps?[index]
    if let tokens { try check(tokens, index, count: tokenCount) }
    return LogProbabilityTable.Entry(
      logProbability: logps[index], tokenCount: tokenCount, tokenLogProbabilities: tokens, line: line)
  }

  private func checkCounts() throws {
    let count = responses.count
    guard count > 0 else { throw Failure("responses is empty; a line is \(Self.example)") }
    func check(_ key: CodingKeys, _ found: Int?) throws {
      guard let found, found != count else { return }
      throw Failure("\(key.rawValue) has length \(found), responses has length \(count); write one for each response")
    }
    try check(.logps, logps.count)
    try check(.tokenCounts, tokenCounts.count)
    try check(.tokenLogps, tokenLogps?.count)
  }

  private func check(_ tokens: [Double], _ index: Int, count: UInt32) throws {
    guard tokens.count == count else {
      throw Failure(
        "token_logps[\(index)] has length \(tokens.count), token_counts[\(index)] is \(count); write one for each token"
      )
    }
    if let place = tokens.firstIndex(where: { !($0 <= 0) }) {
      throw Failure("token_logps[\(index)][\(place)] is \(tokens[place]); a log-probability is 0 or less")
    }
    // A sum of a thousand float32 values is off by 6e-5 of its size at the most.
    let sum = tokens.reduce(0, +), logp = logps[index]
    guard abs(sum - logp) <= 1e-4 * max(1, abs(logp)) else {
      throw Failure(
        "token_logps[\(index)] adds up to \(sum), logps[\(index)] is \(logp); "
          + "both are of the same tokens, the end token included")
    }
  }

  /// What a decoder found wrong; without Foundation's own text, which names types of Swift.
  private static func problem(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, _): "\(key.stringValue) is missing"
    case .valueNotFound(_, let context): "\(name(context.codingPath)) is null"
    case .typeMismatch(let type, let context): "\(name(context.codingPath)) is not \(kind(of: type))"
    default: "it does not parse"
    }
  }

  private static func kind(of type: any Any.Type) -> String {
    switch type {
    case is String.Type: "a text"
    case is Double.Type: "a number"
    case is [Any].Type: "a list"
    default: "an object"
    }
  }

  private static func name(_ path: [any CodingKey]) -> String {
    guard let first = path.first else { return "the line" }
    return path.dropFirst().reduce(first.stringValue) { $0 + "[\($1.intValue ?? 0)]" }
  }
}
