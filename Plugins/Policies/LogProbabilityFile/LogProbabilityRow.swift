import LossKit
import LossKitJSON

/// A line of a log-probability file.
struct LogProbabilityRow {
  /// An example of a line, for messages.
  static let example = #"{"prompt": "…", "responses": ["…"], "logps": [-12.5], "token_counts": [9]}"#

  let prompt: String
  let responses: [String]
  let logps: [Double]
  /// Unchecked numbers, so that messages can show an invalid count.
  let tokenCounts: [Double]
  let tokenLogps: [[Double]]?

  private enum Key {
    static let prompt = "prompt", responses = "responses", logps = "logps", tokenCounts = "token_counts",
      tokenLogps = "token_logps"
  }

  /// Parses an untrusted line. Throws a failure that names the invalid key.
  init(parsing line: some Collection<UInt8>) throws {
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONValue(parsing: line)
    } catch {
      throw Failure("\(error.problem) (column \(error.column)); a line is \(Self.example)")
    }
    guard let members = value.object else { throw Self.mismatch(value, "the line", "an object") }
    func member(_ key: String) throws -> JSONValue {
      guard let value = members[key] else { throw Failure("\(key) is missing; a line is \(Self.example)") }
      return value
    }
    prompt = try Self.text(member(Key.prompt), Key.prompt)
    responses = try Self.list(member(Key.responses), Key.responses, Self.text)
    logps = try Self.list(member(Key.logps), Key.logps, Self.number)
    tokenCounts = try Self.list(member(Key.tokenCounts), Key.tokenCounts, Self.number)
    let tokens = members[Key.tokenLogps]
    tokenLogps =
      try tokens == nil || tokens == .null
      ? nil : Self.list(member(Key.tokenLogps), Key.tokenLogps) { try Self.list($0, $1, Self.number) }
    try checkCounts()
  }

  /// The entry of a response.
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
    func check(_ key: String, _ found: Int?) throws {
      guard let found, found != count else { return }
      throw Failure("\(key) has length \(found), responses has length \(count); write one for each response")
    }
    try check(Key.logps, logps.count)
    try check(Key.tokenCounts, tokenCounts.count)
    try check(Key.tokenLogps, tokenLogps?.count)
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
    // The sum of a thousand float32 values is off by at most 6e-5 of its size.
    let sum = tokens.reduce(0, +), logp = logps[index]
    guard abs(sum - logp) <= 1e-4 * max(1, abs(logp)) else {
      throw Failure(
        "token_logps[\(index)] adds up to \(sum), logps[\(index)] is \(logp); "
          + "both are of the same tokens, the end token included")
    }
  }

  private static func text(_ value: JSONValue, _ name: String) throws -> String {
    guard let text = value.string else { throw mismatch(value, name, "a text") }
    return text
  }

  private static func number(_ value: JSONValue, _ name: String) throws -> Double {
    guard let number = value.double else { throw mismatch(value, name, "a number") }
    return number
  }

  private static func list<Element>(
    _ value: JSONValue, _ name: String, _ element: (JSONValue, String) throws -> Element
  ) throws -> [Element] {
    guard let elements = value.array else { throw mismatch(value, name, "a list") }
    return try elements.enumerated().map { try element($1, "\(name)[\($0)]") }
  }

  private static func mismatch(_ value: JSONValue, _ name: String, _ kind: String) -> Failure {
    Failure("\(name) is \(value == .null ? "null" : "not \(kind)"); a line is \(example)")
  }
}
